// What a run's state is called, and which shape and tone show it.

// By the server's `state`. A state that is not known here is shown in the server's words.
const RUNNING = {
  sending: { shape: "sending", tone: "good" },
  waiting: { shape: "waiting", tone: "warn" },
  paused: { shape: "paused", tone: "warn" },
  done: { shape: "good", tone: "good" },
  stopped: { shape: "stopped", tone: "warn" },
  failed: { shape: "bad", tone: "bad" },
};

// By the exit code of a run that has ended. What 1 means, the server's words say.
const ENDED = {
  0: { word: "Done", shape: "good", tone: "good" },
  1: { shape: "warn", tone: "bad" },
  5: { word: "Stopped by a limit", shape: "stopped", tone: "warn" },
  130: { word: "Stopped", shape: "stopped", tone: "warn" },
};

const CIRCUITS = {
  open: { word: "Left alone", shape: "cut", tone: "bad" },
  probing: { word: "Tried again", shape: "busy", tone: "warn" },
};

/** The state of the whole run: `word`, `shape`, `tone`. */
export function stateOf(numbers) {
  if (numbers.has_ended) {
    return { word: numbers.words, ...ENDED[numbers.code] ?? { word: "Failed", shape: "bad", tone: "bad" } };
  }
  const look = lookOf(numbers.state);
  const tone = look.tone === "good" && brokenOf(numbers).length ? "warn" : look.tone;
  return { word: capital(numbers.state), shape: look.shape, tone };
}

/** The destinations that do not answer, as their breakers found. */
export const brokenOf = (numbers) => numbers.destinations.filter((one) => one.circuit in CIRCUITS);

/** The state of one destination: its breaker's where it is not closed. */
export function destinationState(one, hasEnded) {
  const broken = hasEnded ? null : CIRCUITS[one.circuit];
  return broken ?? { word: capital(one.words || one.state), ...lookOf(one.state) };
}

const lookOf = (state) => RUNNING[state] ?? { shape: "busy", tone: "busy" };

export const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);
