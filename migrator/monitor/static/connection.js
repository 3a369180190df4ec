// The numbers as they come: by server-sent events, and by asking whenever these are silent.
//
// Events are sent only when something changes, and a proxy may keep them back. So silence alone says nothing:
// after some seconds of it the page asks, which shows either that nothing changed or that events are lost.

import { get, Refused } from "./api.js";

const SILENCE = 3_000; // milliseconds without a word after which the page asks, and between two questions
const MUTE = 20_000; // without an event, although there is news: they do not get through
const OVERTAKEN = 10; // seconds by which an answer may be older than an event that came before it
const WAITS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000]; // between attempts

const waitAfter = (failures) => WAITS[Math.min(failures, WAITS.length) - 1] ?? 0;

/**
 * Tells `hear.made(at, isAnswer)` when numbers were made, `hear.snapshot(numbers)`, and `hear.unpaired()`
 * when the session is no longer known.
 * `by` says how the last numbers came: "events", "polling", or "" while none come.
 */
export class Connection {
  by = "";
  #hear;
  #timer = null;
  #source = null;
  #heard = ""; // the last numbers as text, without their time
  #at = 0; // when they were made, by the server's clock
  #missed = 0; // news that came by asking, and not by an event
  #lastWord = 0;
  #lastEvent = 0;
  #asking = false;
  #listenAt = 0;
  #askAt = 0;
  #deaf = 0; // attempts to listen that failed, one after the other
  #unanswered = 0; // questions without an answer, one after the other

  constructor(hear) {
    this.#hear = hear;
  }

  open() {
    this.close();
    this.#timer = setInterval(() => this.#look(), 1_000);
    this.wake();
  }

  close() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#hangUp();
    this.by = "";
  }

  /** Try at once: the network is back, the phone woke up, or somebody asked for it. */
  wake() {
    if (this.#timer === null) return;
    this.#hangUp(); // after a sleep it may only seem to be connected
    this.#deaf = this.#unanswered = this.#listenAt = this.#askAt = this.#lastWord = 0;
    this.#look();
  }

  /** Ask soon, whatever events say. */
  doubt() {
    this.#lastWord = 0;
  }

  /** Ask now, and listen on: whoever hangs up at that moment may miss the end of the run. */
  ask() {
    this.doubt();
    if (this.#timer !== null) this.#look();
  }

  #look() {
    const now = Date.now();
    if (this.#source !== null && this.#missed > 1 && now - this.#lastEvent > MUTE) this.#stopListening(now);
    if (this.#source === null && now >= this.#listenAt) this.#listen(now);
    if (!this.#asking && now >= this.#askAt && now - this.#lastWord >= SILENCE) this.#ask();
  }

  #listen(now) {
    const source = new EventSource("api/events");
    this.#source = source;
    this.#lastEvent = now;
    this.#missed = 0;
    source.addEventListener("snapshot", (event) => this.#onEvent(event));
    source.addEventListener("error", () => {
      if (source === this.#source) this.#stopListening(Date.now());
    });
  }

  #onEvent(event) {
    this.#lastEvent = Date.now();
    this.#deaf = this.#missed = 0;
    this.#deliver(JSON.parse(event.data), "events");
  }

  #stopListening(now) {
    this.#hangUp();
    this.#listenAt = now + waitAfter(++this.#deaf);
  }

  #hangUp() {
    this.#source?.close();
    this.#source = null;
  }

  async #ask() {
    this.#asking = true;
    try {
      const numbers = await get("api/snapshot");
      if (this.#timer !== null) this.#deliver(numbers, "polling");
    } catch (error) {
      this.#onNoAnswer(error);
    } finally {
      this.#asking = false;
    }
  }

  #onNoAnswer(error) {
    if (this.#timer === null) return;
    this.#askAt = Date.now() + waitAfter(++this.#unanswered);
    this.by = "";
    if (error instanceof Refused && error.status === 401) this.#hear.unpaired();
  }

  #deliver(numbers, by) {
    this.#hear.made(numbers.at, by === "polling");
    const late = this.#at - numbers.at;
    if (late > 0 && late < OVERTAKEN) return; // by more, the server's clock was set, or it is another one
    this.#at = numbers.at;
    const text = JSON.stringify({ ...numbers, at: 0 });
    const isNews = text !== this.#heard;
    if (isNews && by === "polling") this.#missed += 1;
    // An answer that brings nothing new does not mean that events fail.
    if (isNews || by === "events" || !this.by) this.by = by;
    this.#heard = text;
    this.#lastWord = Date.now();
    this.#unanswered = this.#askAt = 0;
    this.#hear.snapshot(numbers);
  }
}
