// How old numbers are, whatever the phone's clock says: the server tells when it made them.

const KEPT = 20; // numbers from which the difference of the clocks is known

/** The difference between the phone's clock and the server's. Milliseconds here, epoch seconds there. */
export class ServerClock {
  #differences = [];
  #last = null;

  /**
   * Numbers made at `at` arrived `now`. Those on their way the shortest tell the difference best; an answer,
   * made when it was asked for, tells it by itself, also when one of the clocks was set.
   */
  learn(at, now, isAnswer) {
    if (isAnswer) this.#differences = [];
    else if (at === this.#last) return; // told again, so it says nothing of how long it was under way
    this.#last = at;
    this.#differences.push(now - at * 1000);
    if (this.#differences.length > KEPT) this.#differences.shift();
  }

  /** Seconds since the server's `at`. */
  age(at, now) {
    return Math.max(0, (now - this.local(at)) / 1000);
  }

  /** The server's `at` on the phone's clock, in milliseconds. */
  local(at) {
    return at * 1000 + (this.#differences.length ? Math.min(...this.#differences) : 0);
  }
}
