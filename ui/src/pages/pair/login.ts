import type { WifiLogin } from "../../bindings/api.ts";

/** What opens a network; without a password an open one. */
export function login(ssid: string, passphrase: string | undefined, hidden = false): WifiLogin {
  return { ssid, hidden, ...(passphrase ? { passphrase } : {}) };
}

/** What can be a network's name and password (IEEE 802.11: 32 bytes; WPA: 8 to 63 characters, or the key as 64 hex digits). */
export function isSsid(text: string): boolean {
  const bytes = new TextEncoder().encode(text).length;
  return bytes >= 1 && bytes <= 32;
}

export function isPassphrase(text: string): boolean {
  const bytes = new TextEncoder().encode(text).length;
  return (bytes >= 8 && bytes <= 63) || /^[0-9a-f]{64}$/i.test(text);
}

/** An IPv4 address, with a port if it is not the usual one. */
export function isAddress(text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d{1,5}))?$/.exec(text);
  return match !== null && match.slice(1, 5).every((part) => Number(part) < 256) && Number(match[5] ?? 1) < 65536;
}
