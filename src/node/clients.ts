// Who follows a job and who waits for the answer to a request. Streams only; says nothing by itself.

import type { ClientEvent, ClientRequest } from "./messages.ts";
import type { Stream } from "./stream.ts";

export type ClientStream = Stream<ClientEvent, ClientRequest>;

export type Clients = {
  /** By job. */
  readonly following: Map<string, Set<ClientStream>>;
  /** By what was asked. */
  readonly asking: Map<string, Set<ClientStream>>;
};

export function createClients(): Clients {
  return { following: new Map(), asking: new Map() };
}

/** The client waits for the answer to that question. */
export function ask(clients: Clients, question: string, client: ClientStream): void {
  addTo(clients.asking, question, client);
}

/** Everybody who waited for that answer; nobody does any more. */
export function answer(clients: Clients, question: string): ReadonlySet<ClientStream> {
  const asking = clients.asking.get(question) ?? new Set();
  clients.asking.delete(question);
  return asking;
}

/** The client hears of the job from now on. */
export function follow(clients: Clients, job: string, client: ClientStream): void {
  addTo(clients.following, job, client);
}

/** Sends to all who follow the job. */
export function tell(clients: Clients, job: string, event: ClientEvent): void {
  for (const client of clients.following.get(job) ?? []) client.send(event);
}

function addTo(streams: Map<string, Set<ClientStream>>, key: string, stream: ClientStream): void {
  const known = streams.get(key);
  if (known === undefined) streams.set(key, new Set([stream]));
  else known.add(stream);
}
