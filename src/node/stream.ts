// An ordered stream of messages between two parts of the system, and the in-memory one of an embedded submit.

export type Stream<Out, In> = {
  send(message: Out): void;
  /** One handler; messages that came before it is set are not lost. */
  onMessage(handle: (message: In) => void): void;
  /** Nothing is delivered in either direction after it. Idempotent. */
  close(): void;
};

/** The two ends of a stream in this process. Messages are handed over as they are, in later microtasks, in order. */
export function createStreamPair<Left, Right>(): readonly [Stream<Left, Right>, Stream<Right, Left>] {
  const state = { isOpen: true };
  const toRight = createInbox<Left>(state);
  const toLeft = createInbox<Right>(state);
  const close = (): void => {
    state.isOpen = false;
  };
  return [
    { send: toRight.send, onMessage: toLeft.onMessage, close },
    { send: toLeft.send, onMessage: toRight.onMessage, close },
  ];
}

function createInbox<Message>(state: { readonly isOpen: boolean }) {
  let early: Message[] = [];
  let handler: ((message: Message) => void) | null = null;
  const deliver = (message: Message): void => {
    if (!state.isOpen) return;
    if (handler === null) early.push(message);
    else handler(message);
  };
  return {
    send: (message: Message): void => queueMicrotask(() => deliver(message)),
    onMessage: (handle: (message: Message) => void): void => {
      handler = handle;
      const waiting = early;
      early = [];
      for (const message of waiting) queueMicrotask(() => deliver(message));
    },
  };
}
