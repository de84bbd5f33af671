/** Reads QR codes through this device's camera, where the web view can. */

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorClass = new (options: { formats: string[] }) => Detector;

const detectorClass = (): DetectorClass | undefined =>
  (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;

/** Whether scanning can work at all here; it may still be forbidden by the user. */
export function canScan(): boolean {
  return detectorClass() !== undefined && typeof navigator.mediaDevices?.getUserMedia === "function";
}

/** Shows the device's camera in `video` and reports texts until the answer is called. Rejects when it may not. */
export async function scan(video: HTMLVideoElement, found: (text: string) => void): Promise<() => void> {
  const Detector = detectorClass();
  if (!Detector) throw new Error("no BarcodeDetector");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const detector = new Detector({ formats: ["qr_code"] });
  video.srcObject = stream;
  await video.play();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    detector
      .detect(video)
      .then((codes) => {
        const text = codes[0]?.rawValue;
        if (text) found(text);
      })
      .catch(() => undefined)
      .finally(() => (busy = false));
  }, 200);
  return () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}
