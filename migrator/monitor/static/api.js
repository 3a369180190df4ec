// The server's answers. Addresses are relative, so that the page also works behind a path of a proxy.

const LONGEST = 10_000; // milliseconds until an answer counts as lost

/** What the server refused, in its own words. `status` is HTTP's, `wait` the seconds it asks to wait. */
export class Refused extends Error {
  constructor(status, words, wait) {
    super(words);
    this.status = status;
    this.wait = wait;
  }
}

/** The JSON at an address. Throws Refused for what the server refuses, another error where none answers. */
export async function get(address) {
  return read(await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(LONGEST) }));
}

/** Send JSON, with the token that proves that this page asks. Answers and throws as `get`. */
export async function post(address, content, csrf = "") {
  const headers = { "Content-Type": "application/json" };
  if (csrf) headers["X-CSRF-Token"] = csrf;
  const body = JSON.stringify(content);
  const signal = AbortSignal.timeout(LONGEST);
  return read(await fetch(address, { method: "POST", headers, body, cache: "no-store", signal }));
}

async function read(answer) {
  if (answer.ok) return answer.json(); // an answer that was cut short is none
  const content = await answer.json().catch(() => ({}));
  const wait = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  const words = typeof content.error === "string" ? content.error : `the server answered ${answer.status}`;
  throw new Refused(answer.status, words, Number.isFinite(wait) ? wait : 0);
}
