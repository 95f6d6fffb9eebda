// A small shop to load-test on loopback: login, items, a slow page and one that fails now and then. Only an example's
// target: it keeps everything in memory and remembers nothing. Prints its address and serves until it is ended.

const SLOW_MS = 60;
/** One request in so many to /flaky fails. */
const FLAKY_EVERY = 50;

const ITEMS = ["kettle", "lamp", "chair", "rug", "clock", "vase", "shelf", "mirror"].map((name, id) => ({
  id,
  name,
  price: 5 + id * 7,
}));

let flakyCalls = 0;
let tokens = 0;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 0),
  routes: {
    "/": new Response("welcome\n"),
    "/login": {
      POST: async (request) => {
        const body: unknown = await request.json();
        if (typeof body !== "object" || body === null || !("user" in body))
          return new Response("who?\n", { status: 400 });
        return Response.json({ token: `token-${++tokens}` });
      },
    },
    "/items": (request) => (isKnown(request) ? Response.json(ITEMS) : new Response("log in first\n", { status: 401 })),
    "/items/:id": (request) => {
      const item = ITEMS[Number(request.params.id)];
      return item === undefined ? new Response("no such item\n", { status: 404 }) : Response.json(item);
    },
    "/cart": {
      POST: async (request) => {
        if (!isKnown(request)) return new Response("log in first\n", { status: 401 });
        await request.arrayBuffer();
        return Response.json({ ok: true }, { status: 201 });
      },
    },
    "/slow": async () => {
      await Bun.sleep(SLOW_MS + Math.random() * SLOW_MS);
      return new Response("at last\n");
    },
    "/flaky": () =>
      ++flakyCalls % FLAKY_EVERY === 0 ? new Response("out of order\n", { status: 503 }) : new Response("fine\n"),
  },
  fetch: () => new Response("no such page\n", { status: 404 }),
});

console.log(`http://127.0.0.1:${server.port}`);

function isKnown(request: Request): boolean {
  return request.headers.get("authorization")?.startsWith("token-") === true;
}
