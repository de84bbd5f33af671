import { afterEach, vi } from "vitest";

/**
 * Moves the clock to one afternoon and lets it run from there: what the demo's cards hold depends on the day and the hour,
 * and a test that passes at noon must pass at midnight. `VITE_TEST_NOW` (a date that Date can read) moves it elsewhere.
 */
const RealDate = Date;
const shift = new RealDate(import.meta.env["VITE_TEST_NOW"] ?? "2026-11-18T15:30:00").getTime() - RealDate.now();
globalThis.Date = class extends RealDate {
  constructor(...parts: [] | ConstructorParameters<DateConstructor>) {
    super(...((parts.length === 0 ? [RealDate.now() + shift] : parts) as [number]));
  }
  static override now(): number {
    return RealDate.now() + shift;
  }
} as DateConstructor;

// jsdom draws nothing: every canvas is without a context, as in a web view without 2D and WebGL.
HTMLCanvasElement.prototype.getContext = (() => null) as typeof HTMLCanvasElement.prototype.getContext;
HTMLElement.prototype.setPointerCapture = () => undefined;

afterEach(() => {
  document.body.replaceChildren();
  location.hash = "";
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

// jsdom lays nothing out: sizes never change.
globalThis.ResizeObserver ??= class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};

window.scrollTo = () => undefined;
