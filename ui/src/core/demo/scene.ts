/** Drawn scenes for the demo's cameras: flat colours, a clock, something that moves, and a view that pans and tilts. */

export interface View {
  pan: number;
  tilt: number;
}

type Paint = (c: CanvasRenderingContext2D, seconds: number) => void;

const rect = (c: CanvasRenderingContext2D, fill: string, x: number, y: number, w: number, h: number, r = 0) => {
  c.fillStyle = fill;
  c.beginPath();
  c.roundRect(x, y, w, h, r);
  c.fill();
};
const disc = (c: CanvasRenderingContext2D, fill: string, x: number, y: number, r: number) => {
  c.fillStyle = fill;
  c.beginPath();
  c.arc(x, y, r, 0, Math.PI * 2);
  c.fill();
};

// All scenes are drawn on 640x360, reaching 160 further on every side for the pan.
const scenes: Record<string, Paint> = {
  door(c, s) {
    rect(c, "#a9c7d8", -160, -160, 960, 520);
    for (let i = 0; i < 3; i++) disc(c, "#c5dbe6", 60 + i * 46 + ((s * 6) % 900) - 200, 40 + (i % 2) * 12, 38);
    rect(c, "#5f7d53", -160, 190, 960, 120);
    for (const [x, r] of [[-90, 70], [20, 56], [560, 74], [690, 60]] as const) disc(c, "#476442", x, 178, r);
    rect(c, "#8d9196", -160, 262, 960, 260);
    c.fillStyle = "#b7b2a6";
    c.beginPath();
    c.moveTo(250, 262);
    c.lineTo(390, 262);
    c.lineTo(540, 540);
    c.lineTo(90, 540);
    c.fill();
    rect(c, "#6d7176", 470, 214, 118, 60, 14);
    rect(c, "#54585d", 492, 192, 72, 36, 12);
    disc(c, "#2c2f33", 496, 276, 15);
    disc(c, "#2c2f33", 562, 276, 15);
    const x = 320 + Math.sin(s / 3) * 130;
    const step = Math.sin(s * 6) * 4;
    rect(c, "#31465e", x - 13, 212 + Math.abs(step) / 2, 26, 46, 10);
    disc(c, "#d8a888", x, 202 + Math.abs(step) / 2, 11);
    rect(c, "#22303f", x - 11 + step, 252, 9, 34, 4);
    rect(c, "#22303f", x + 2 - step, 252, 9, 34, 4);
    rect(c, "#3d2f28", -160, -160, 190, 700);
    rect(c, "#4c3b32", 14, -160, 16, 700);
  },
  garden(c, s) {
    rect(c, "#1b2430", -160, -160, 960, 400);
    disc(c, "#d9dfd2", 500, 60, 22);
    rect(c, "#263a33", -160, 170, 960, 400);
    for (let i = 0; i < 9; i++) {
      const sway = Math.sin(s + i) * 4;
      disc(c, i % 2 ? "#1f3029" : "#2b463b", -110 + i * 105 + sway, 172, 48 + (i % 3) * 12);
    }
    rect(c, "#314a3f", -160, 240, 960, 300);
    for (let i = -1; i < 8; i++) rect(c, "#55493c", i * 100, 186, 12, 80);
    rect(c, "#665848", -160, 200, 960, 10);
    rect(c, "#665848", -160, 236, 960, 10);
    const x = ((s * 40) % 1000) - 180;
    disc(c, "#c9843f", x, 296, 17);
    rect(c, "#c9843f", x - 46, 286, 48, 26, 13);
    rect(c, "#c9843f", x - 64, 278 + Math.sin(s * 8) * 4, 26, 8, 4);
    disc(c, "#f2e6d8", x + 9, 300, 7);
  },
  living(c, s) {
    rect(c, "#d9cfbf", -160, -160, 960, 480);
    rect(c, "#a98c6b", -160, 270, 960, 300);
    rect(c, "#c9dfe6", 60, 30, 150, 150, 4);
    rect(c, "#e8efe9", 60, 110, 150, 70);
    rect(c, "#f4efe6", 131, 30, 8, 150);
    rect(c, "#f4efe6", 60, 100, 150, 8);
    rect(c, "#7d5b45", 400, 60, 120, 84, 4);
    rect(c, "#38594f", 408, 68, 104, 68);
    disc(c, "#d9a441", 470, 96, 14);
    rect(c, "#4f6d73", 300, 196, 280, 92, 22);
    rect(c, "#5f8087", 322, 222, 112, 54, 12);
    rect(c, "#5f8087", 446, 222, 112, 54, 12);
    rect(c, "#7d5b45", 110, 250, 130, 14, 4);
    rect(c, "#7d5b45", 122, 264, 10, 56);
    rect(c, "#7d5b45", 218, 264, 10, 56);
    rect(c, "#3f6b4c", 0, 170, 10, 100);
    for (let i = 0; i < 5; i++) disc(c, "#4e7f5b", 5 + Math.cos(i * 1.3 + Math.sin(s) * 0.1) * 34, 160 - i * 12, 24);
    rect(c, "#b56a4c", -22, 250, 54, 60, 8);
    const tail = Math.sin(s * 2) * 8;
    rect(c, "#3b3836", 500, 180, 46, 26, 13);
    disc(c, "#3b3836", 546, 182, 13);
    rect(c, "#3b3836", 486, 176 + tail, 24, 7, 4);
  },
  garage(c, s) {
    rect(c, "#5b6065", -160, -160, 960, 460);
    rect(c, "#474b4f", -160, 260, 960, 300);
    for (let i = 0; i < 5; i++) rect(c, "#6b7075", 90, 20 + i * 46, 460, 40, 3);
    rect(c, "#30465f", 180, 170, 280, 90, 26);
    rect(c, "#22354a", 226, 122, 188, 74, 24);
    rect(c, "#9db4bf", 240, 134, 160, 44, 14);
    disc(c, Math.sin(s * 3) > 0.6 ? "#ffd27a" : "#c8c2ae", 204, 206, 13);
    disc(c, Math.sin(s * 3) > 0.6 ? "#ffd27a" : "#c8c2ae", 436, 206, 13);
    rect(c, "#1d1f22", 196, 250, 50, 34, 10);
    rect(c, "#1d1f22", 394, 250, 50, 34, 10);
  },
};

export const SCENES = Object.keys(scenes);

/** Paints a scene over the whole canvas. */
export function paintScene(
  context: CanvasRenderingContext2D,
  scene: string,
  { pan, tilt }: View,
  now: number,
  name: string,
): void {
  const { width, height } = context.canvas;
  context.save();
  context.scale(width / 640, height / 360);
  context.save();
  context.translate(-pan, tilt);
  (scenes[scene] ?? scenes["door"]!)(context, now / 1000 % 100_000);
  context.restore();
  context.font = "600 13px sans-serif";
  context.fillStyle = "rgb(0 0 0 / 0.45)";
  context.fillRect(0, 338, 640, 22);
  context.fillStyle = "#fff";
  const clock = new Date(now);
  const two = (n: number) => String(n).padStart(2, "0");
  const date = `${clock.getFullYear()}-${two(clock.getMonth() + 1)}-${two(clock.getDate())}`;
  context.fillText(`${date} ${two(clock.getHours())}:${two(clock.getMinutes())}:${two(clock.getSeconds())}`, 10, 354);
  context.textAlign = "right";
  context.fillText(name, 630, 354);
  context.restore();
}

/** RGBA to I420, BT.709 limited range; sizes are even. */
export function rgbaToI420(rgba: Uint8ClampedArray, width: number, height: number, out: Uint8Array): void {
  const half = width >> 1;
  const uStart = width * height;
  const vStart = uStart + half * (height >> 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 4;
      const [r, g, b] = [rgba[i]!, rgba[i + 1]!, rgba[i + 2]!];
      out[y * width + x] = 16 + 0.1826 * r + 0.6142 * g + 0.062 * b;
      if ((x | y) & 1) continue;
      const at = (y >> 1) * half + (x >> 1);
      out[uStart + at] = 128 - 0.1006 * r - 0.3386 * g + 0.4392 * b;
      out[vStart + at] = 128 + 0.4392 * r - 0.3989 * g - 0.0403 * b;
    }
  }
}
