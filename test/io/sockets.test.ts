// Goal: what only real sockets can do wrong: a connect that nobody answers, handlers that throw, names that are looked
// up, a process that ends itself. Method: this machine's loopback, and programs of a few lines in processes of their own.

import { expect, test } from "bun:test";
import { dlopen, FFIType, ptr } from "bun:ffi";
import { join } from "node:path";
import { createClock } from "../../src/io/clock.ts";
import { createDatagrams } from "../../src/io/datagrams.ts";
import { netErrorCode } from "../../src/io/net-error.ts";
import { createStreams } from "../../src/io/streams.ts";

const IO = join(import.meta.dir, "../../src/io");
const clock = createClock();

/** A port of loopback that accepts nothing: its queue of connections is full. */
function blackHole(): { readonly port: number; readonly close: () => void } {
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  });
  const [inet, stream] = [2, 1];
  const descriptor = symbols.socket(inet, stream, 0);
  // sockaddr_in: family in host order, port and address in network order.
  const address = new Uint8Array(16);
  address.set([inet, 0, 0, 0, 127, 0, 0, 1]);
  expect(symbols.bind(descriptor, ptr(address), address.length)).toBe(0);
  expect(symbols.listen(descriptor, 0)).toBe(0);
  const length = new Uint32Array([address.length]);
  expect(symbols.getsockname(descriptor, ptr(address), ptr(length))).toBe(0);
  return { port: new DataView(address.buffer).getUint16(2), close: () => symbols.close(descriptor) };
}

/** Runs a program of TypeScript that may import from src/io as "IO/...". */
async function runProgram(text: string): Promise<{ readonly code: number; readonly output: string; error: string }> {
  const child = Bun.spawn([process.execPath, "-e", text.replaceAll("IO/", `${IO}/`)], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output, error };
}

test("a connect that nobody answers ends at its timeout", async () => {
  const hole = blackHole();
  const to = { host: "127.0.0.1", port: hole.port };
  const filling = await createStreams().connect(to, { timeoutMs: 2_000 });
  const startMs = clock.nowMs();
  const code = await createStreams()
    .connect(to, { timeoutMs: 150 })
    .catch((error: unknown) => netErrorCode(error));
  expect(code).toBe("timeout");
  expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(149);
  filling.destroy();
  hole.close();
});

test("what a handler throws is not swallowed: it ends the process", async () => {
  const stream = await runProgram(`
    import { createStreams } from "IO/streams.ts";
    const streams = createStreams();
    const listener = await streams.listen({ host: "127.0.0.1", port: 0 }, (connection) =>
      connection.handle({ onBytes() { throw new Error("planted"); }, onDrain() {}, onClose() {} }));
    const client = await streams.connect(listener.address, { timeoutMs: 1000 });
    client.handle({ onBytes() {}, onDrain() {}, onClose() {} });
    client.write(new Uint8Array(1));`);
  expect(stream.code).not.toBe(0);
  expect(stream.error).toContain("planted");
  const datagram = await runProgram(`
    import { createDatagrams } from "IO/datagrams.ts";
    const socket = await createDatagrams().bind({ host: "127.0.0.1", port: 0 });
    socket.onDatagram(() => { throw new Error("planted"); });
    socket.send(socket.address, new Uint8Array(1));`);
  expect(datagram.code).not.toBe(0);
  expect(datagram.error).toContain("planted");
});

test("the other side's process killed: this side sees the close", async () => {
  const streams = createStreams();
  const closed = Promise.withResolvers<string>();
  const spoken = Promise.withResolvers<void>();
  const listener = await streams.listen({ host: "127.0.0.1", port: 0 }, (connection) =>
    connection.handle({ onBytes: () => spoken.resolve(), onDrain: () => {}, onClose: closed.resolve }),
  );
  const child = Bun.spawn([
    process.execPath,
    "-e",
    `const { createStreams } = await import("${IO}/streams.ts");
     const client = await createStreams().connect({ host: "127.0.0.1", port: ${listener.address.port} },
       { timeoutMs: 1000 });
     client.handle({ onBytes() {}, onDrain() {}, onClose() {} });
     client.write(new Uint8Array(1));`,
  ]);
  await spoken.promise;
  child.kill("SIGKILL");
  expect(["ended", "reset"]).toContain(await closed.promise);
  listener.close();
});

test("datagrams to a name are sent once it is resolved, in order", async () => {
  const datagrams = createDatagrams();
  const [receiver, sender] = [
    await datagrams.bind({ host: "127.0.0.1", port: 0 }),
    await datagrams.bind({ host: "127.0.0.1", port: 0 }),
  ];
  const heard: number[] = [];
  const all = Promise.withResolvers<void>();
  receiver.onDatagram((_from, bytes) => {
    heard.push(bytes[0] ?? -1);
    if (heard.length === 3) all.resolve();
  });
  const to = { host: "localhost", port: receiver.address.port };
  for (const byte of [1, 2, 3]) {
    const bytes = new Uint8Array([byte]);
    sender.send(to, bytes);
    // Taken as they were, however long the name takes.
    bytes.fill(99);
  }
  await all.promise;
  expect(heard).toEqual([1, 2, 3]);
  receiver.close();
  sender.close();
});

test("exit says its message on stderr, then ends the process with the code", async () => {
  const { code, output, error } = await runProgram(`
    import { createProcess } from "IO/process.ts";
    createProcess().exit(74, "the disk failed");
    console.log("after");`);
  expect({ code, output, error }).toEqual({ code: 74, output: "", error: "the disk failed\n" });
});

test("the real world's log goes to stderr", async () => {
  const { output, error } = await runProgram(`
    import { createWorld } from "IO/real-world.ts";
    const { log } = createWorld();
    log.info("started", { port: 7 });
    log.debug("hidden");`);
  expect({ output, error }).toEqual({ output: "", error: "info  started port=7\n" });
});
