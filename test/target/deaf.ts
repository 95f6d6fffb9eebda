// A port whose connects never end: a listening socket whose queue is full and that nobody accepts from. Linux drops
// further SYNs silently, which is what a firewall does. Only libc can be asked for a backlog of 0, hence bun:ffi.

import { dlopen, FFIType, ptr } from "bun:ffi";

const AF_INET = 2;
const SOCK_STREAM = 1;
/** struct sockaddr_in: family (native order), port (network order), address, 8 bytes of padding. */
const ADDRESS_BYTES = 16;

/** Opens the port for the life of the process. Out: its number, on 127.0.0.1; 0 where this system has no such port. */
export function listenDeaf(): number {
  if (process.platform !== "linux") return 0;
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    connect: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  });
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_INET, 0);
  address.set([127, 0, 0, 1], 4);
  const listener = libc.socket(AF_INET, SOCK_STREAM, 0);
  const size = new Uint32Array([ADDRESS_BYTES]);
  if (libc.bind(listener, ptr(address), ADDRESS_BYTES) !== 0 || libc.listen(listener, 0) !== 0)
    throw new Error("no deaf port");
  if (libc.getsockname(listener, ptr(address), ptr(size)) !== 0) throw new Error("no name of the deaf port");
  // A backlog of 0 holds one connection: this one, which fills it.
  if (libc.connect(libc.socket(AF_INET, SOCK_STREAM, 0), ptr(address), ADDRESS_BYTES) !== 0)
    throw new Error("the deaf port is shut");
  return address.readUInt16BE(2);
}
