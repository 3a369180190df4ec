// Pause, resume and cancel, each after a confirmation that says what it means.

import { post } from "./api.js";
import { at, say } from "./dom.js";

const ASKED = {
  pause: {
    title: "Pause the run?",
    words: "Files under way are finished first. Then nothing is sent until somebody resumes it.",
    yes: "Pause",
    no: "Not now",
  },
  resume: {
    title: "Resume the run?",
    words: "Sending goes on where it stopped.",
    yes: "Resume",
    no: "Not now",
  },
  cancel: {
    title: "Cancel the run?",
    words: "The run ends before all is sent. What is recorded is kept: begun again on that computer, "
      + "it resumes where it stopped. This page cannot begin it again.",
    yes: "Cancel the run",
    no: "Keep it running",
  },
};

export class Control {
  #csrf;
  #onDone;
  #asked = "";
  #isAsking = false;

  /** `csrf()` answers with the session's token; `onDone(error)` is told how it went, null when well. */
  constructor(csrf, onDone) {
    this.#csrf = csrf;
    this.#onDone = onDone;
    at("pause").addEventListener("click", () => this.#confirm(at("pause").dataset.do));
    at("cancel").addEventListener("click", () => this.#confirm("cancel"));
    at("confirm-no").addEventListener("click", () => at("confirm").close());
    at("confirm-yes").addEventListener("click", () => this.#send());
    // Escape does not hide a question whose answer is under way.
    at("confirm").addEventListener("cancel", (event) => this.#isAsking && event.preventDefault());
  }

  /** Offer what can be done now; nothing while the numbers are old. */
  show(numbers, isStale) {
    const isOffered = numbers.control && !numbers.has_ended;
    at("control").hidden = !isOffered;
    document.body.classList.toggle("has-control", isOffered);
    if (!isOffered && !this.#isAsking) at("confirm").close();
    const isPaused = numbers.state === "paused";
    at("pause").dataset.do = isPaused ? "resume" : "pause";
    at("pause").className = isPaused ? "primary" : "";
    say(at("pause"), isPaused ? "Resume" : "Pause");
    at("pause").disabled = at("cancel").disabled = isStale || this.#isAsking;
  }

  hide() {
    at("control").hidden = true;
    document.body.classList.remove("has-control");
    at("confirm").close();
  }

  #confirm(what) {
    const asked = ASKED[what];
    this.#asked = what;
    say(at("confirm-title"), asked.title);
    say(at("confirm-words"), asked.words);
    say(at("confirm-error"), "");
    say(at("confirm-no"), asked.no);
    say(at("confirm-yes"), asked.yes);
    at("confirm-yes").className = what === "cancel" ? "danger" : "primary";
    at("confirm").showModal();
    at("confirm-no").focus();
  }

  async #send() {
    this.#busy(true);
    say(at("confirm-error"), "");
    let failure = null;
    try {
      await post("api/control", { do: this.#asked }, this.#csrf());
    } catch (error) {
      failure = error;
      say(at("confirm-error"), error.status
        ? `Refused: ${error.message}`
        : "No answer. Nobody knows whether it was done: look at the state, and try again.");
    }
    this.#busy(false); // first: the focus goes back to a button that can have it
    if (failure === null) at("confirm").close();
    this.#onDone(failure);
  }

  #busy(isAsking) {
    this.#isAsking = isAsking;
    for (const id of ["confirm-yes", "confirm-no", "pause", "cancel"]) at(id).disabled = isAsking;
    say(at("confirm-yes"), isAsking ? "Asking …" : ASKED[this.#asked].yes);
  }
}
