// libsodium, compiled to WebAssembly. Whoever imports it from here gets it ready for use: the module is evaluated once a process.
// Keys are copied into WebAssembly's memory and not wiped there, so wiping our own copies of them would protect nothing.
import sodium from 'libsodium-wrappers';

await sodium.ready;

export default sodium;

/** See the bytes that libsodium gave as a Buffer, without a copy. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
