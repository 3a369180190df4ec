// Numbers and times for people. Counts have thousands separators; times are those of the phone.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TENTH = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

export const count = (number) => WHOLE.format(number);

/** Files per second: a tenth only where it says something. */
export const filesPerSecond = (rate) => (rate > 0 && rate < 10 ? TENTH : WHOLE).format(rate);

export const megabytes = (bytes) => TENTH.format(bytes / 1e6);

/** 1.2 TB */
export function size(bytes) {
  let unit = 0;
  let amount = bytes;
  while (amount >= 999.95 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${(unit ? TENTH : WHOLE).format(amount)} ${UNITS[unit]}`;
}

/** 2 hours 14 minutes: the two largest units, and no seconds from ten minutes on. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return many(whole, "second");
  if (whole < 600) return pair(whole, 60, "minute", "second");
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return many(minutes, "minute");
  if (minutes < 1440) return pair(minutes, 60, "hour", "minute");
  return pair(Math.round(minutes / 60), 24, "day", "hour");
}

function pair(amount, large, largeName, smallName) {
  const rest = amount % large;
  const first = many(Math.floor(amount / large), largeName);
  return rest ? `${first} ${many(rest, smallName)}` : first;
}

export const many = (number, name) => `${count(number)} ${name}${number === 1 ? "" : "s"}`;

/** 12 minutes: one unit, for ages. */
export function age(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) return many(whole, "second");
  if (whole < 3600) return many(Math.floor(whole / 60), "minute");
  if (whole < 172_800) return many(Math.floor(whole / 3600), "hour");
  return many(Math.floor(whole / 86_400), "day");
}

/** 2:14, as the title shows a time that is left: hours and minutes, never less than one minute. */
export function hoursMinutes(seconds) {
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

/** A moment by the clock on the wall, with its day where that is not today. Milliseconds. */
export function clock(moment, now) {
  const then = new Date(moment);
  const time = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const days = Math.round((midnight(then) - midnight(new Date(now))) / 86_400_000);
  if (days === 0) return time;
  if (days === 1) return `${time} tomorrow`;
  if (days === -1) return `${time} yesterday`;
  const day = Math.abs(days) < 7
    ? then.toLocaleDateString("en", { weekday: "long" })
    : then.toLocaleDateString("en", { day: "numeric", month: "long" });
  return `${time} on ${day}`;
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
