// The few things that every part of the page does with elements.

export const at = (id) => document.getElementById(id);

/** Set a text, and touch nothing where it is the same: readers aloud hear every change. */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Set a text, and hide its place where there is none. */
export function sayOrHide(place, text) {
  say(place, text);
  place.hidden = !text;
}

/** Give a list as many children as there are items, made from a template, and fill each by its item. */
export function fillList(list, template, items, fill) {
  while (list.children.length > items.length) list.lastElementChild.remove();
  while (list.children.length < items.length) list.append(template.content.cloneNode(true));
  items.forEach((item, index) => fill(list.children[index], item));
}

/** Show how much of a bar is done: 0 to 1, or null while nobody knows. `words` go to readers aloud. */
export function fillBar(bar, share, words) {
  bar.classList.toggle("unknown", share === null);
  bar.firstElementChild.style.transform = share === null ? "" : `scaleX(${share})`;
  bar.setAttribute("aria-valuetext", words);
  if (share === null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", String(Math.floor(100 * share)));
}
