// What is drawn: the shape of a state, and sparklines. SVG by DOM calls: no markup is ever put together.

const SVG = "http://www.w3.org/2000/svg";

// In a square of 24. Each state differs in shape, not only in colour.
const SHAPES = {
  busy: "M12 3a9 9 0 1 0 9 9M12 7v5l3 3",
  sending: "M12 3v11M7 10l5 5 5-5M4 16v4h16v-4",
  waiting: "M6 3h12M6 21h12M7 3c0 5 5 6 5 9s-5 4-5 9M17 3c0 5-5 6-5 9s5 4 5 9",
  paused: "M8 5v14M16 5v14",
  good: "M12 3a9 9 0 1 0 .01 0M8 12l3 3 5-6",
  warn: "M12 4L2.5 20h19ZM12 10v4M12 17v.01",
  bad: "M8 3h8l5 5v8l-5 5H8l-5-5V8ZM9 9l6 6M15 9l-6 6",
  stopped: "M5 5h14v14H5Z",
  cut: "M12 3a9 9 0 1 0 .01 0M6 6l12 12",
};

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Draw the shape of this name into a place, unless it is there. */
export function drawShape(place, name) {
  if (place.dataset.shape === name) return;
  place.dataset.shape = name;
  const svg = element("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  svg.append(element("path", { d: SHAPES[name] }));
  place.replaceChildren(svg);
}

/** Draw rates as a line over its area, oldest first. `words` say the same to those who do not see it. */
export function drawSparkline(place, rates, words) {
  const svg = element("svg", { viewBox: "0 0 120 32", preserveAspectRatio: "none", role: "img" });
  svg.setAttribute("aria-label", words);
  if (rates.length > 1) {
    const line = lineOf(rates);
    svg.append(element("path", { class: "area", d: `${line}L120 32L0 32Z` }));
    svg.append(element("path", { class: "curve", d: line }));
  }
  place.replaceChildren(svg);
}

function lineOf(rates) {
  const most = Math.max(...rates, 1e-9);
  const step = 120 / (rates.length - 1);
  const height = (rate) => (30 - (rate / most) * 27).toFixed(1);
  const points = rates.map((rate, index) => `${(index * step).toFixed(1)} ${height(rate)}`);
  return `M${points.join("L")}`;
}
