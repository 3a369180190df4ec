// Which screen is shown, and what leads from one to another.

import { ServerClock } from "./clock.js";
import { Connection } from "./connection.js";
import { Control } from "./control.js";
import { at, say } from "./dom.js";
import { Pairing, session, takeCodeFromAddress } from "./pairing.js";
import { drawAge, drawNumbers } from "./view.js";

const SCREENS = ["opening", "pairing", "watch"];

let csrf = "";
let numbers = null;
let time = new ServerClock();

const connection = new Connection({ made: onMade, snapshot: onSnapshot, unpaired: onUnpaired });
const pairing = new Pairing(() => enter());
const control = new Control(() => csrf, onControlled);

function show(screen) {
  for (const one of SCREENS) at(one).hidden = one !== screen;
  if (screen === "watch") return;
  control.hide();
  at("link").hidden = true;
  document.title = "DICOM Migrator";
  document.body.classList.remove("is-stale");
}

/** Ask for the session, and show what it allows to show. `words` say why, where it has to be paired. */
async function enter(words = "", code = "") {
  connection.close();
  try {
    const known = await session();
    csrf = known.csrf;
    if (known.paired || !known.pairing_needed) watch();
    else pair(words, code);
  } catch {
    onNobody();
  }
}

function watch() {
  time = new ServerClock(); // it may be another server's now
  if (at("watch").hidden) {
    show("opening");
    say(at("opening-words"), "Waiting for the first numbers …");
    at("opening-again").hidden = true;
  }
  connection.open();
}

function pair(words, code) {
  show("pairing");
  pairing.begin(words);
  if (code) pairing.sendCode(code);
}

function onUnpaired() {
  enter("The run no longer knows this device. Pair it again.");
}

function onNobody() {
  if (!at("watch").hidden) {
    // What is shown stays: it is the last that is known.
    if (!numbers.has_ended) connection.open();
    else say(at("look-words"), "Nothing answers there now.");
    return;
  }
  if (!at("pairing").hidden) return; // it says by itself when nobody answers
  show("opening");
  say(at("opening-words"), "No run answers here. It may have ended, or the network may be away.");
  at("opening-again").hidden = false;
}

function onMade(moment, isAnswer) {
  time.learn(moment, Date.now(), isAnswer);
}

function onSnapshot(told) {
  if (isSameEnd(told)) told.at = numbers.at; // when it ended, not when it was asked for again
  numbers = told;
  if (told.has_ended) connection.close(); // the server goes with the run, and there is nothing new to come
  drawNumbers(told, time);
  if (at("watch").hidden) show("watch");
  tick();
}

const isSameEnd = (told) => told.has_ended && numbers?.has_ended && told.started === numbers.started;

function tick() {
  if (at("watch").hidden) return;
  const isOld = drawAge(numbers, time, connection.by);
  if (isOld) connection.doubt(); // events may come late, or one of the clocks was set
  control.show(numbers, isOld);
}

function onControlled(error) {
  if (error === null) connection.ask();
  else if (error.status === 401) onUnpaired();
  else if (error.status === 403) session().then((known) => { csrf = known.csrf; }, () => {});
}

function wake() {
  if (document.visibilityState !== "visible") return;
  tick(); // at once: after a sleep the numbers are old
  connection.wake();
  if (!at("opening-again").hidden) enter();
}

at("opening-again").addEventListener("click", () => enter());
at("stale-again").addEventListener("click", () => connection.wake());
at("look-again").addEventListener("click", () => {
  say(at("look-words"), "");
  enter();
});
addEventListener("online", wake);
addEventListener("pageshow", wake);
document.addEventListener("visibilitychange", wake);
addEventListener("hashchange", () => enter("", takeCodeFromAddress()));
setInterval(tick, 1_000);
enter("", takeCodeFromAddress());
