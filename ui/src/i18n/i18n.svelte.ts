/** The language in force, and every text, number and time in it. */
import type { Failure, Language } from "../bindings/api.ts";
import failures from "../bindings/failures.json";
import words from "../bindings/words.json";
import { en, type Key, type Messages } from "./en.ts";
import { zh } from "./zh.ts";

export type { Key };
export type Lang = "en" | "zh";

const messages: Record<Lang, Messages> = { en, zh };

/** By the placeholder, then by its value. */
type Words = Partial<Record<string, Record<string, Record<Lang, string>>>>;

class I18n {
  lang = $state<Lang>("en");

  /** Takes the setting; `system` follows the web view's languages. */
  use(language: Language): void {
    const wanted = language === "system" ? (navigator.languages?.[0] ?? navigator.language ?? "en") : language;
    this.lang = wanted.toLowerCase().startsWith("zh") ? "zh" : "en";
    document.documentElement.lang = this.lang === "zh" ? "zh-CN" : "en";
  }
}

export const i18n = new I18n();

/** Puts values into a text's `{placeholders}`; one that is missing leaves nothing behind. */
export function fill(text: string, params: Record<string, string | number | undefined>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? "…"));
}

export function t(key: Key, params?: Record<string, string | number>): string {
  const text = messages[i18n.lang][key];
  return params ? fill(text, params) : text;
}

/** `1 viewer`, `3 viewers`: picks `key_one` or `key_other`. */
type Counted = "home.count" | "live.viewers" | "downloads.active" | "downloads.failed" | "files.count" | "files.started";

export function plural(key: Counted, n: number): string {
  return t(`${key}_${n === 1 ? "one" : "other"}`, { n });
}

/** What the user can do about a failure, as one button; `none`: nothing to press. */
export type FailureAction = "add" | "share" | "retry" | "quality" | "settings" | "network" | "hotspot" | "none";

export interface FailureText {
  title: string;
  cause: string;
  next: string;
  action: FailureAction;
}

/** A failure in words. `camera` fills that placeholder when the core did not. */
export function failureText(failure: Failure, camera?: string): FailureText {
  const entry = failures[failure.code] ?? failures.internal;
  const given = { reason: failure.detail, ...(camera ? { camera } : {}), ...failure.params };
  const params = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, word(name, value)]));
  const { title, cause, next } = entry[i18n.lang];
  return {
    title: fill(title, params),
    cause: fill(cause, params),
    next: fill(next, params),
    action: entry.action as FailureAction,
  };
}

/** What stands for a placeholder's value in the language in force; the value itself where the table has nothing. */
function word(placeholder: string, value: string | undefined): string | undefined {
  const values: Record<string, Record<Lang, string>> | undefined = (words as Words)[placeholder];
  return value === undefined ? value : (values?.[value]?.[i18n.lang] ?? value);
}

/** A failure in one line, where there is no room for a panel. */
export function failureLine(failure: Failure, camera?: string): string {
  const { title, cause, next } = failureText(failure, camera);
  return i18n.lang === "zh" ? `${title}。${cause}${next}` : `${title}. ${cause} ${next}`;
}

const locale = () => (i18n.lang === "zh" ? "zh-CN" : "en-GB");

/** `3 minutes ago`, `just now`. Both in unix ms. */
export function age(then: number, now: number): string {
  const seconds = Math.max(0, (now - then) / 1000);
  if (seconds < 45) return t("age.now");
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "always", style: "long" });
  if (seconds < 45 * 60) return format.format(-Math.max(1, Math.round(seconds / 60)), "minute");
  if (seconds < 22 * 3600) return format.format(-Math.max(1, Math.round(seconds / 3600)), "hour");
  return format.format(-Math.max(1, Math.round(seconds / 86400)), "day");
}

/** A moment of today as `14:05`, of another day with its date. */
export function moment(then: number, now: number): string {
  const sameDay = new Date(then).toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(locale(), {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    ...(sameDay ? {} : { day: "numeric", month: "short" }),
  }).format(then);
}

const format = (then: number, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), options).format(then);
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;

/** `14:05` */
export const clock = (then: number) => format(then, CLOCK);

/** `14:05:09` */
export const clockWithSeconds = (then: number) => format(then, { ...CLOCK, second: "2-digit" });

/** `30 Nov` */
export const dayShort = (then: number) => format(then, { day: "numeric", month: "short" });

/** `Monday 30 November`, with the year when it is another one. */
export function dayLong(then: number, now: number): string {
  const isThisYear = new Date(then).getFullYear() === new Date(now).getFullYear();
  return format(then, { weekday: "short", day: "numeric", month: "long", ...(isThisYear ? {} : { year: "numeric" }) });
}

/** `November 2026` */
export const monthLong = (then: number) => format(then, { month: "long", year: "numeric" });

/** `Mon` … of a week that begins on Monday. */
export function weekdays(): string[] {
  const monday = new Date(2026, 10, 30);
  return Array.from({ length: 7 }, (_, i) => format(new Date(2026, 10, monday.getDate() + i).getTime(), { weekday: "narrow" }));
}

/** `1:05`, `1:02:03`. */
export function duration(ms: number): string {
  const all = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `2 h 5 min`, `40 s`: a guess, no more exact than it is. */
export function remaining(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 60) return t("unit.seconds", { n: seconds });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("unit.minutes", { n: minutes });
  return `${t("unit.hours", { n: Math.floor(minutes / 60) })} ${t("unit.minutes", { n: minutes % 60 })}`;
}

export function number(n: number, digits = 0): string {
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);
}

export function bytes(n: number): string {
  if (n < 1e6) return `${number(n / 1e3)} kB`;
  return n < 1e9 ? `${number(n / 1e6, 1)} MB` : `${number(n / 1e9, 1)} GB`;
}

export function bitRate(n: number): string {
  return n < 1e6 ? t("unit.kbit", { n: number(n / 1e3) }) : t("unit.mbit", { n: number(n / 1e6, 1) });
}

/** Milliseconds with one digit below ten (none for nothing); a dash when not measured yet. */
export function ms(n: number | null | undefined): string {
  return n == null ? t("info.unknown") : t("unit.ms", { n: number(n, n !== 0 && Math.abs(n) < 10 ? 1 : 0) });
}
