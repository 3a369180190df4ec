// The parts that are lists: the ledger's terms, destinations, problems.

import { at, fillBar, fillList, say, sayOrHide } from "./dom.js";
import { age, count, filesPerSecond, many, megabytes, span } from "./format.js";
import { drawShape } from "./shapes.js";
import { capital, destinationState } from "./states.js";

const TERMS = ["sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending"];
const BAD = new Set(["failed", "quarantined", "unknown"]);

/** found = sent + warned + … of this run, whether it balances, and the job's over all its runs. */
export function drawLedger(numbers) {
  const terms = [["found", numbers.found], ...TERMS.map((name) => [name, numbers[name]])];
  fillList(at("terms"), at("term"), terms, (place, [name, number]) => {
    place.className = BAD.has(name) && number ? "bad" : name;
    place.classList.toggle("none", !number);
    say(place.querySelector("dt"), name);
    say(place.querySelector("dd"), count(number));
  });
  const mark = at("balance");
  mark.dataset.tone = numbers.balances ? "good" : "bad";
  drawShape(mark.querySelector(".sign"), numbers.balances ? "good" : "bad");
  say(at("balance-words"), numbers.balances ? "balances" : "does not balance");
  sayOrHide(at("job"), jobWords(numbers));
}

function jobWords({ job, found, sent, warned, healed }) {
  const parts = [];
  if (healed) parts.push(`${count(healed)} healed on the way.`);
  const isMore = job && (job.found !== found || job.sent !== sent || job.warned !== warned);
  if (isMore) {
    const stored = count(job.sent + job.warned);
    parts.push(`With earlier runs: ${stored} of ${count(job.found)} stored, ${count(job.pending)} pending.`);
  }
  return parts.join(" ");
}

export function drawDestinations(numbers) {
  const list = at("destinations");
  const draw = (place, one) => drawDestination(place, one, numbers.has_ended);
  fillList(list, at("destination"), numbers.destinations, draw);
}

function drawDestination(place, one, hasEnded) {
  const part = (name) => place.querySelector(`.${name}`);
  const state = destinationState(one, hasEnded);
  const percent = one.share === null ? "" : `${Math.floor(100 * one.share)} %`;
  place.dataset.tone = state.tone;
  const [, ae, host] = /^(?:([^@]*)@)?(.*)$/.exec(one.node);
  sayOrHide(part("ae"), ae ?? "");
  say(part("host"), host);
  drawShape(part("shape"), state.shape);
  say(part("words"), state.word);
  sayOrHide(part("why"), hasEnded ? "" : whyWords(one));
  fillBar(part("bar"), one.share, percent || "not known yet");
  part("bar").setAttribute("aria-label", `Files settled at ${one.node}`);
  say(part("share"), percent);
  sayOrHide(part("pace-of"), hasEnded ? "" : paceWords(one));
  sayOrHide(part("work"), hasEnded ? "" : workWords(one));
  sayOrHide(part("lost"), lostWords(one.run));
}

/** Why less is sent than could be; that it is left alone says its state already. */
const whyWords = (one) => capital(one.hold.replace(/^left alone, /, ""));

function paceWords(one) {
  if (!one.files_per_second && !one.bytes_per_second) return "";
  const pace = `${filesPerSecond(one.files_per_second)} files/s · ${megabytes(one.bytes_per_second)} MB/s`;
  return one.eta_seconds ? `${pace} · ${span(one.eta_seconds)} left` : pace;
}

function workWords(one) {
  const parts = [many(one.associations, "association")];
  if (one.workers) parts.push(`${many(one.workers, "worker")} allowed`);
  if (one.wave) parts.push(`pass ${one.wave + 1} over what failed`);
  return parts.join(" · ");
}

/** What has not arrived at one destination: "12 failed · 3 held". */
function lostWords(run) {
  const names = ["failed", "quarantined", "unknown", "held", "warned"];
  return names.filter((name) => run[name]).map((name) => `${count(run[name])} ${name}`).join(" · ");
}

/** `ageOf` tells how many seconds ago a moment of the server was. */
export function drawProblems(numbers, ageOf) {
  at("no-problems").hidden = numbers.problems.length > 0;
  fillList(at("problems"), at("problem"), numbers.problems, (place, one) => {
    place.dataset.tone = one.level === "error" ? "bad" : "warn";
    drawShape(place.querySelector(".sign"), one.level === "error" ? "bad" : "warn");
    say(place.querySelector(".words"), capital(one.words));
    sayOrHide(place.querySelector(".path"), one.path ?? "");
    say(place.querySelector(".count"), one.count > 1 ? `${count(one.count)} times, last ` : "");
    say(place.querySelector(".age"), `${age(ageOf(one.at))} ago`);
  });
}
