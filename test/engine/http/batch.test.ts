// Goal: http.batch keeps its shape and its limits. Method: a job runner with hand-released promises for the limits, a
// scripted server for the whole.

import { describe, expect, test } from "bun:test";
import { callOf, runBatch, type BatchJob } from "../../../src/engine/http/batch.ts";
import { InterruptedError } from "../../../src/engine/http/owner.ts";
import type { Response } from "../../../src/engine/hyperscale.d.ts";
import { openClient, reply, serveScript, serveText, until } from "./harness.ts";

describe("limits", () => {
  /** Runs jobs for these hosts; `open` shows which indexes run, `finish` ends one. */
  async function start(hosts: readonly string[], limits: { readonly batch: number; readonly batchPerHost: number }) {
    using server = serveText(reply(""));
    using client = openClient();
    const response: Response = await client.http.get(server.url);
    const open = new Map<number, (response: Response) => void>();
    const jobs: readonly BatchJob[] = hosts.map((host, index) => ({
      host,
      call: { method: "GET", url: String(index), body: null, params: null },
    }));
    const result = runBatch(jobs, limits, (call) => new Promise((resolve) => open.set(Number(call.url), resolve)));
    const finish = async (index: number): Promise<void> => {
      open.get(index)?.(response);
      open.delete(index);
      await Bun.sleep(0);
    };
    return { result, finish, running: (): readonly number[] => [...open.keys()].sort() };
  }

  test("at most `batch` at a time, in order", async () => {
    const { result, finish, running } = await start(["a", "a", "a", "a"], { batch: 2, batchPerHost: 0 });
    expect(running()).toEqual([0, 1]);
    await finish(1);
    expect(running()).toEqual([0, 2]);
    await finish(0);
    expect(running()).toEqual([2, 3]);
    await finish(2);
    await finish(3);
    expect((await result).length).toBe(4);
  });

  test("at most `batchPerHost` to a host; other hosts overtake", async () => {
    const { result, finish, running } = await start(["a", "a", "b", "a", "b"], { batch: 3, batchPerHost: 1 });
    expect(running()).toEqual([0, 2]);
    await finish(0);
    expect(running()).toEqual([1, 2]);
    await finish(2);
    expect(running()).toEqual([1, 4]);
    for (const index of [1, 3, 4]) await finish(index);
    expect((await result).length).toBe(5);
  });

  test("after a rejection nothing more is started, though others end well", async () => {
    using server = serveText(reply(""));
    using client = openClient();
    const response: Response = await client.http.get(server.url);
    const { promise, resolve } = Promise.withResolvers<Response>();
    const started: unknown[] = [];
    const jobs: readonly BatchJob[] = ["fails", "ends", "never"].map((url) => ({
      host: "a",
      call: { method: "GET", url, body: null, params: null },
    }));
    const result = runBatch(jobs, { batch: 2, batchPerHost: 0 }, (call) => {
      started.push(call.url);
      return call.url === "fails" ? Promise.reject(new Error("first")) : promise;
    });
    await expect(result).rejects.toThrow("first");
    resolve(response);
    await Bun.sleep(0);
    expect(started).toEqual(["fails", "ends"]);
  });

  test("an empty batch is an empty result", async () => {
    expect(await runBatch([], { batch: 1, batchPerHost: 1 }, () => Promise.reject(new Error("never")))).toEqual([]);
  });
});

test("an entry is a URL, a tuple or a record", () => {
  expect(callOf("http://h/", "0")).toEqual({ method: "GET", url: "http://h/", body: null, params: null });
  expect(callOf(["POST", "http://h/", "b", { timeout: 1 }], "0")).toEqual({
    method: "POST",
    url: "http://h/",
    body: "b",
    params: { timeout: 1 },
  });
  expect(callOf({ method: "PUT", url: "http://h/" }, "0")).toEqual({
    method: "PUT",
    url: "http://h/",
    body: null,
    params: null,
  });
  for (const wrong of ['{"url":"x"}', '["http://h/"]', "null", "5"])
    expect(() => callOf(JSON.parse(wrong), "7")).toThrow(/entry 7 must be/);
});

describe("the client", () => {
  test("an array gives an array, a record a record, in their order, over several connections", async () => {
    using server = serveScript((request, peer) => {
      // The first answer comes last.
      setTimeout(
        () => peer.write(reply(`${request.line.split(" ", 2).join(" ")} ${request.body}`)),
        request.line.includes("/0") ? 20 : 0,
      );
    });
    using client = openClient();
    const list = await client.http.batch([
      `${server.url}/0`,
      ["POST", `${server.url}/1`, "b"],
      { method: "DELETE", url: `${server.url}/2` },
    ]);
    expect(list.map((response) => response.body.trim())).toEqual(["GET /0", "POST /1 b", "DELETE /2"]);
    expect(server.counts.made).toBe(3);
    const record = await client.http.batch({ one: `${server.url}/a`, two: `${server.url}/b` });
    expect([record.one.body.trim(), record.two.body.trim()]).toEqual(["GET /a", "GET /b"]);
  });

  test("what is no list or record of requests is refused in words", async () => {
    using client = openClient();
    for (const wrong of [undefined, "http://h/"])
      await expect(client.http.batch(JSON.parse(JSON.stringify({ wrong })).wrong)).rejects.toThrow(
        "http.batch takes a list or a record of requests",
      );
  });

  test("the plan's limits hold on the wire", async () => {
    let open = 0;
    let openMax = 0;
    using server = serveScript((_, peer) => {
      openMax = Math.max(openMax, ++open);
      setTimeout(() => {
        open--;
        peer.write(reply(""));
      }, 2);
    });
    using client = openClient({ batch: 5, batchPerHost: 3 });
    const responses = await client.http.batch(Array.from({ length: 12 }, () => server.url));
    expect([responses.length, openMax, server.counts.made]).toEqual([12, 3, 3]);
  });

  test("a failed request fails its own response only; an interrupt fails the batch", async () => {
    using gone = serveText("");
    gone[Symbol.dispose]();
    using server = serveText(reply("x"));
    using client = openClient({ batchPerHost: 1 });
    const [bad, fine] = await client.http.batch([gone.url, server.url]);
    expect([bad?.error_code, fine?.status]).toEqual([1212, 200]);
    using silent = serveScript(() => {});
    const batch = client.http.batch([silent.url, silent.url]);
    await until(() => silent.requests.length === 1, "the first request arrives");
    client.http.interruptAll("stop");
    await expect(batch).rejects.toBeInstanceOf(InterruptedError);
    expect(silent.requests.length).toBe(1);
  });
});
