import { expect, test } from "vitest";
import failures from "../src/bindings/failures.json";
import { en } from "../src/i18n/en.ts";
import { age, bitRate, bytes, duration, failureText, fill, i18n, moment, ms, t } from "../src/i18n/i18n.svelte.ts";
import { zh } from "../src/i18n/zh.ts";

const sources = import.meta.glob<string>("../src/**/*.{ts,svelte}", { query: "?raw", import: "default", eager: true });
const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

test("both languages have the same keys, no empty text, and the same placeholders", () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) {
    const other = zh[key as keyof typeof en];
    expect(text.trim(), key).not.toBe("");
    expect(other.trim(), key).not.toBe("");
    expect(placeholders(other), key).toEqual(placeholders(text));
  }
});

test("every text is used somewhere", () => {
  const source = Object.entries(sources)
    .filter(([file]) => !/i18n\/(en|zh)\.ts$/.test(file))
    .map(([, text]) => text)
    .join("\n");
  // Keys that are put together: `pair.step_${step}_now`.
  const templates = [...source.matchAll(/`([a-z][\w.]*[._]\$\{[^`]*)`/g), ...source.matchAll(/`(\$\{key\}_[^`]*)`/g)].map(([, text]) => text!);
  const built = templates.map((text) => new RegExp(`^${text.replace(/\./g, "\\.").replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "[\\w.]+")}$`));
  const unused = Object.keys(en).filter((key) => !source.includes(`"${key}"`) && !built.some((form) => form.test(key)));
  expect(unused).toEqual([]);
});

test("no component holds a text of its own", () => {
  const found: string[] = [];
  const components = Object.entries(sources).filter(([file]) => file.endsWith(".svelte"));
  expect(components.length).toBeGreaterThan(20);
  for (const [file, text] of components) {
    const markup = text
      .replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, "")
      .replace(/=>/g, "")
      .replace(/\{[^{}]*(\{[^{}]*(\{[^{}]*\}[^{}]*)*\}[^{}]*)*\}/g, "");
    for (const [, words] of markup.matchAll(/>([^<>]*)</g)) {
      if (/\p{L}{2,}/u.test(words!)) found.push(`${file}: ${words!.trim()}`);
    }
    for (const [attribute] of markup.matchAll(/(aria-label|title|placeholder|alt)="[^"{]*\p{L}[^"{]*"/gu)) {
      if (!attribute.endsWith('"https://"')) found.push(`${file}: ${attribute}`);
    }
  }
  expect(found).toEqual([]);
});

test("every failure code of the contract has its texts and a next step", () => {
  const api = sources["../src/bindings/api.ts"]!;
  const declared = /export type FailureCode = ([^;]+);/.exec(api)?.[1]?.match(/"\w+"/g)?.map((code) => code.slice(1, -1));
  expect(declared?.length).toBeGreaterThan(20);
  expect(Object.keys(failures).sort()).toEqual(declared?.sort());
  for (const [code, entry] of Object.entries(failures)) {
    expect(["add", "share", "retry", "quality", "settings", "network", "hotspot", "none"], code).toContain(entry.action);
    for (const language of ["en", "zh"] as const) {
      const { title, cause, next } = entry[language];
      for (const text of [title, cause, next]) expect(text.trim(), `${code} ${language}`).not.toBe("");
    }
    const all = (language: "en" | "zh") => placeholders(Object.values(entry[language]).join(" "));
    expect(new Set(all("zh")), code).toEqual(new Set(all("en")));
  }
});

test("a failure is told in the user's language, and names the camera", () => {
  const full = { code: "camera_full" as const, params: { viewers: "8", max: "8" }, detail: "" };
  i18n.use("en");
  expect(failureText(full, "Front door")).toMatchObject({ title: "Front door has too many viewers", action: "retry" });
  i18n.use("zh");
  expect(failureText(full, "大门").title).toContain("大门");
  expect(document.documentElement.lang).toBe("zh-CN");
});

test("what is wrong with a link is told in the user's language", () => {
  const params = { part: "scheme", expected: "porthole:", got: "another text" };
  const failure = { code: "link_malformed" as const, params, detail: "" };
  i18n.use("en");
  expect(failureText(failure).cause).toBe("The beginning cannot be read: expected “porthole:”, got something else.");
  i18n.use("zh");
  expect(failureText(failure).cause).toBe("无法识别其中的开头：应为“porthole:”，实际是其他内容。");
  expect(failureText({ ...failure, params: { ...params, got: "https" } }).cause).toContain("https");
});

test("the camera's button is held for a reset only", () => {
  const texts = [...Object.entries(en), ...Object.entries(zh)];
  // The app's own button is held to talk: that is another one.
  const camera = texts.filter(([key]) => !key.startsWith("talk."));
  const held = camera.filter(([, text]) => /button|按键/.test(text) && /\bhold|按住|长按/i.test(text));
  expect(held.map(([key]) => key)).toEqual(["pair.light_on_help", "pair.light_on_help"]);
  for (const [key, text] of held) expect(text, key).toMatch(/reset|重置/);
});

test("the system's language is followed, and English is for everyone else", () => {
  for (const [system, expected] of [["zh-TW", "zh"], ["de-DE", "en"], ["en-GB", "en"]] as const) {
    Object.defineProperty(navigator, "languages", { value: [system], configurable: true });
    i18n.use("system");
    expect(i18n.lang).toBe(expected);
  }
});

test("numbers and times are written as people write them", () => {
  i18n.use("en");
  const now = Date.UTC(2026, 10, 20, 12);
  expect(age(now - 10_000, now)).toBe("just now");
  expect(age(now - 180_000, now)).toBe("3 minutes ago");
  expect(age(now - 86_400_000 * 3, now)).toBe("3 days ago");
  expect(age(now + 5000, now)).toBe("just now");
  expect(moment(now - 86_400_000 * 3, now)).toContain("Nov");
  expect([duration(65_000), duration(3_723_000)]).toEqual(["1:05", "1:02:03"]);
  expect([bitRate(640_000), bitRate(2_140_000)]).toEqual(["640 kbit/s", "2.1 Mbit/s"]);
  expect([bytes(42_000), bytes(1_840_000)]).toEqual(["42 kB", "1.8 MB"]);
  expect([ms(null), ms(7.64), ms(38.2)]).toEqual(["–", "7.6 ms", "38 ms"]);
  expect(fill("{a} and {b}", { a: 1 })).toBe("1 and …");
  i18n.use("zh");
  expect(age(now - 180_000, now)).toBe("3分钟前");
  expect(t("home.count_other", { n: 3 })).toBe("3 台摄像机");
});
