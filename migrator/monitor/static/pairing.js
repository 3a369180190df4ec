// The screen on which a device is paired, by six digits that are typed, pasted, or brought by the QR code.

import { get, post } from "./api.js";
import { at, say } from "./dom.js";
import { many } from "./format.js";

const DIGITS = 6;

/** The code in the address (`#pair=123456`), or "". It is taken out of the address bar and the history. */
export function takeCodeFromAddress() {
  const code = /^#pair=(\d+)$/.exec(location.hash)?.[1] ?? "";
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/** The session as the server knows it: paired, pairing_needed, control, csrf. */
export const session = () => get("api/session");

export class Pairing {
  #onPaired;
  #until = 0; // milliseconds; before then the server answers to no code
  #timer = null;
  #isAsking = false;

  constructor(onPaired) {
    this.#onPaired = onPaired;
    at("pairing-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    at("code").addEventListener("input", () => this.#onInput());
  }

  /** Begin anew; `words` say why, where there is a reason. */
  begin(words = "") {
    at("code").value = "";
    say(at("pairing-error"), words);
    this.#show();
    at("code").focus();
  }

  /** Pair by what is in the field. */
  async send() {
    const code = at("code").value.replaceAll(/\D/g, "");
    if (this.#isAsking || this.#wait() > 0) return;
    if (code.length !== DIGITS) {
      this.#fail(`The code has ${DIGITS} digits.`);
      return;
    }
    this.#isAsking = true;
    this.#show();
    say(at("pairing-error"), "");
    try {
      await post("api/pair", { code });
      at("code").value = "";
      this.#onPaired();
    } catch (error) {
      this.#onRefused(error);
    } finally {
      this.#isAsking = false;
      this.#show();
    }
  }

  /** Pair by a code from elsewhere. */
  sendCode(code) {
    at("code").value = code;
    return this.send();
  }

  #onInput() {
    // What is pasted may be written 123 456.
    const digits = at("code").value.replaceAll(/\D/g, "").slice(0, DIGITS);
    at("code").value = digits;
    if (digits.length === DIGITS) this.send();
  }

  #onRefused(error) {
    if (error.status === 429) {
      this.#until = Date.now() + 1000 * Math.max(1, error.wait);
      this.#timer ??= setInterval(() => this.#countDown(), 500);
      this.#countDown();
    } else if (error.status === 403) {
      this.#fail("That is not the code, or it has been used. Type the one that is shown now.");
    } else {
      this.#fail(error.status ? error.message : "No answer from the run. Try again.");
    }
  }

  #countDown() {
    const left = Math.ceil(this.#wait() / 1000);
    say(at("pairing-error"), left ? `Too many tries. Try again in ${many(left, "second")}.` : "");
    if (!left) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    this.#show();
  }

  #fail(words) {
    say(at("pairing-error"), words);
    at("code").focus();
    at("code").select();
  }

  #wait() {
    return Math.max(0, this.#until - Date.now());
  }

  #show() {
    const isShut = this.#isAsking || this.#wait() > 0;
    at("pairing-send").disabled = isShut;
    at("code").readOnly = isShut; // not disabled: that would take the focus and the keyboard away
    say(at("pairing-send"), this.#isAsking ? "Pairing …" : "Pair");
  }
}
