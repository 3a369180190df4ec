// The numbers on the screen: state, percent, what is left, pace, how old they are, the title of the page.

import { drawDestinations, drawLedger, drawProblems } from "./cards.js";
import { at, fillBar, say, sayOrHide } from "./dom.js";
import { age, clock, count, filesPerSecond, hoursMinutes, megabytes, size, span } from "./format.js";
import { drawShape, drawSparkline } from "./shapes.js";
import { brokenOf, capital, stateOf } from "./states.js";

const OLD = 6; // seconds from which numbers are shown as old
const NAME = "DICOM Migrator";

/** Show numbers that have just come. `time` is a ServerClock. */
export function drawNumbers(numbers, time) {
  const state = stateOf(numbers);
  document.body.dataset.tone = state.tone;
  drawShape(at("shape"), state.shape);
  say(at("state"), state.word);
  at("state").classList.toggle("long", state.word.length > 12);
  sayOrHide(at("detail"), detailOf(numbers, state));
  drawProgress(numbers);
  drawPace(numbers);
  drawLedger(numbers);
  drawDestinations(numbers);
  say(at("foot"), footWords(numbers, time));
  at("look-again").hidden = !numbers.has_ended;
}

/** Show how old the numbers are; to be called every second. Tells whether they are old. */
export function drawAge(numbers, time, by) {
  const now = Date.now();
  const seconds = time.age(numbers.at, now);
  const isOld = !numbers.has_ended && seconds > OLD;
  document.body.classList.toggle("is-stale", isOld);
  at("stale").hidden = !isOld;
  if (isOld) {
    say(at("stale-since"), `No word since ${clock(time.local(numbers.at), now)}`);
    say(at("stale-age"), `— ${age(seconds)}`);
  }
  say(at("eta"), leftWords(numbers, time)); // what is today now is yesterday tomorrow
  say(at("ends"), endWords(numbers, time));
  drawLink(numbers, isOld, by);
  drawProblems(numbers, (moment) => time.age(moment, now));
  sayTitle(numbers, isOld);
  return isOld;
}

/** What there is to add to the state. Of one destination among several its own card tells why. */
function detailOf(numbers, state) {
  if (numbers.has_ended) return capital(numbers.detail);
  const all = numbers.destinations.length;
  const broken = brokenOf(numbers).length;
  if (broken && all > 1) return `${broken} of ${all} destinations left alone for now`;
  if (numbers.detail && all === 1) return capital(numbers.detail);
  const isSaid = numbers.state === "paused" || numbers.words === state.word;
  return isSaid ? "" : numbers.words;
}

/** How far it has come. What has ended has not 100 % where something did not arrive. */
function farWords(numbers) {
  const lost = numbers.failed + numbers.quarantined + numbers.unknown + numbers.held;
  if (!numbers.has_ended || numbers.pending) return numbers.percent === null ? "" : `${numbers.percent} %`;
  return lost ? `${count(lost)} not stored` : "";
}

function drawProgress(numbers) {
  const far = farWords(numbers);
  sayOrHide(at("percent"), far);
  at("percent").classList.toggle("long", far.length > 5);
  fillBar(at("bar"), numbers.share, numbers.percent === null ? "not known yet" : `${numbers.percent} %`);
  const settled = numbers.found - numbers.pending;
  const files = numbers.share === null
    ? `${count(numbers.found)} files found so far`
    : `${count(settled)} of ${count(numbers.found)} files`;
  const bytes = numbers.bytes_sent ? ` · ${size(numbers.bytes_sent)} sent` : "";
  say(at("amount"), files + bytes);
}

function leftWords(numbers, time) {
  if (numbers.has_ended) {
    return `Ended at ${clock(time.local(numbers.at), Date.now())}`;
  }
  return numbers.eta_seconds ? `${span(numbers.eta_seconds)} left` : "";
}

/** When it will have ended, or how long it took. Not while nothing is sent: that moment moves away. */
function endWords(numbers, time) {
  const isHeld = numbers.state === "paused" || numbers.state === "waiting";
  if (numbers.has_ended) return `after ${span(numbers.at - numbers.started)}`;
  if (!numbers.eta_seconds) return "";
  if (isHeld) return "once it goes on";
  const end = time.local(numbers.at) + 1000 * numbers.eta_seconds;
  return `ends about ${clock(end, Date.now())}`;
}

function drawPace(numbers) {
  const history = numbers.history;
  const seconds = history.every * history.files_per_second.length;
  // What has ended has no pace, and what has not begun has none yet.
  at("pace").hidden = numbers.has_ended || !(history.files_per_second.length || numbers.files_per_second);
  say(at("files-pace"), filesPerSecond(numbers.files_per_second));
  say(at("bytes-pace"), megabytes(numbers.bytes_per_second));
  const over = `over the last ${span(seconds)}`;
  const bytes = history.bytes_per_second.map((rate) => rate / 1e6);
  drawSparkline(at("files-spark"), history.files_per_second, `Files per second ${over}`);
  drawSparkline(at("bytes-spark"), bytes, `Megabytes per second ${over}`);
  const most = history.files_per_second.length > 1
    ? `The last ${span(seconds)}: at most ${filesPerSecond(Math.max(...history.files_per_second))} files/s `
      + `and ${megabytes(Math.max(...history.bytes_per_second))} MB/s`
    : "";
  sayOrHide(at("spark-span"), most);
}

function footWords(numbers, time) {
  const began = `Begun at ${clock(time.local(numbers.started), Date.now())}`;
  const source = numbers.source ? ` · from ${numbers.source}` : "";
  return `${began}${source} · version ${numbers.version}`;
}

function drawLink(numbers, isOld, by) {
  const words = numbers.has_ended ? "ended" : isOld ? "no word" : by === "polling" ? "asking" : "live";
  at("link").hidden = false;
  at("link").dataset.link = words.replace(" ", "-");
  say(at("link-words"), words);
}

function sayTitle(numbers, isOld) {
  const word = stateOf(numbers).word;
  const parts = [];
  if (isOld) parts.push("No word");
  if (numbers.has_ended || numbers.state !== "sending") parts.push(word);
  if (!numbers.has_ended && numbers.percent !== null) parts.push(`${numbers.percent} %`);
  if (!isOld && numbers.state === "sending" && numbers.eta_seconds) {
    parts.push(`ETA ${hoursMinutes(numbers.eta_seconds)}`);
  }
  const title = `${parts.join(" · ")} – ${NAME}`;
  if (document.title !== title) document.title = title;
  say(at("spoken"), isOld ? `No word from the run. It was: ${word}` : word);
}
