/** QR codes in front of this device's camera or in a picture file. The core reads them: few web views can. */
import { ask, type Core } from "../core/core.ts";

/** Longest side of a picture that is looked at, pixels: a code's module must keep two of them. */
const [LIVE_SIDE, FILE_SIDE] = [960, 1600];
/** Between two looks. */
const LOOK_MS = 250;

/** Shows the device's camera in `video` and reports texts until the answer is called. Rejects when it may not or there is none. */
export async function scan(core: Core, video: HTMLVideoElement, found: (texts: string[]) => void): Promise<() => void> {
  if (typeof navigator.mediaDevices?.getUserMedia !== "function") throw new Error("no camera in this web view");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.srcObject = stream;
  let [stopped, timer] = [false, 0];
  const stop = () => {
    stopped = true;
    clearTimeout(timer);
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  const look = async () => {
    try {
      const texts = video.videoWidth > 0 ? await read(core, video, video.videoWidth, video.videoHeight, LIVE_SIDE) : [];
      if (texts.length > 0 && !stopped) found(texts);
    } catch {
      // One picture that could not be looked at; the next one is a moment away.
    }
    if (!stopped) timer = setTimeout(look, LOOK_MS) as unknown as number;
  };
  try {
    await video.play();
  } catch (thrown) {
    stop();
    throw thrown;
  }
  void look();
  return stop;
}

/** The texts of the codes in a picture file, none if none reads. Rejects when it is no picture. */
export async function scanFile(core: Core, file: Blob): Promise<string[]> {
  const picture = await createImageBitmap(file);
  try {
    return await read(core, picture, picture.width, picture.height, FILE_SIDE);
  } finally {
    picture.close();
  }
}

async function read(core: Core, picture: CanvasImageSource, width: number, height: number, side: number): Promise<string[]> {
  const scale = Math.min(1, side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no 2D canvas");
  // What is transparent is paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const grey = toGrey(context.getImageData(0, 0, canvas.width, canvas.height).data);
  return (await ask(core, { call: "read_codes", width: canvas.width, luma: toBase64(grey) })).texts;
}

/** Brightness (BT.601) of RGBA pixels. */
export function toGrey(rgba: Uint8ClampedArray): Uint8Array {
  const grey = new Uint8Array(rgba.length / 4);
  for (let at = 0; at < grey.length; at++) {
    const from = 4 * at;
    grey[at] = (299 * rgba[from]! + 587 * rgba[from + 1]! + 114 * rgba[from + 2]!) / 1000;
  }
  return grey;
}

/** In pieces: a call takes no million arguments. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
