// Answers to "WWW-Authenticate: Digest" (RFC 7616): MD5 and SHA-256, their -sess forms, qop "auth" or none.
// A challenge is answered once per request; nonces are not kept from request to request.

/** What a server asks for. */
export type DigestChallenge = {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | null;
  readonly algorithm: "MD5" | "SHA-256" | "MD5-sess" | "SHA-256-sess";
  /** "": the server offers none (RFC 2069). */
  readonly qop: "auth" | "";
};

/**
 * The strongest Digest challenge of a WWW-Authenticate value (several may be joined by commas). Out: null if none can
 * be answered.
 */
export function parseChallenge(header: string): DigestChallenge | null {
  let best: DigestChallenge | null = null;
  for (const part of header.split(/(?:^|,)\s*(?=[A-Za-z][A-Za-z0-9-]*\s+[A-Za-z0-9-]+\s*=)/)) {
    const scheme = /^\s*Digest\s+/i.exec(part);
    if (scheme === null) continue;
    const challenge = challengeOf(part.slice(scheme[0].length));
    if (
      challenge !== null &&
      (best === null || (challenge.algorithm.startsWith("SHA") && !best.algorithm.startsWith("SHA")))
    )
      best = challenge;
  }
  return best;
}

/** Value of the Authorization header. In: the request line's method and path, credentials, the client nonce (hex). */
export function answerChallenge(
  challenge: DigestChallenge,
  request: {
    readonly method: string;
    readonly path: string;
    readonly user: string;
    readonly password: string;
    readonly cnonce: string;
  },
): string {
  const { realm, nonce, opaque, algorithm, qop } = challenge;
  const { user, cnonce } = request;
  const hash = algorithm.startsWith("SHA-256") ? sha256 : md5;
  let secret = hash(`${user}:${realm}:${request.password}`);
  if (algorithm.endsWith("-sess")) secret = hash(`${secret}:${nonce}:${cnonce}`);
  const action = hash(`${request.method}:${request.path}`);
  const response =
    qop === "" ? hash(`${secret}:${nonce}:${action}`) : hash(`${secret}:${nonce}:00000001:${cnonce}:${qop}:${action}`);
  const fields = [
    `username=${quote(user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(request.path)}`,
    `algorithm=${algorithm}`,
    `response="${response}"`,
  ];
  if (qop !== "") fields.push(`qop=${qop}`, "nc=00000001");
  if (qop !== "" || algorithm.endsWith("-sess")) fields.push(`cnonce="${cnonce}"`);
  if (opaque !== null) fields.push(`opaque=${quote(opaque)}`);
  return `Digest ${fields.join(", ")}`;
}

function challengeOf(text: string): DigestChallenge | null {
  const fields = new Map<string, string>();
  for (const match of text.matchAll(/([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)) {
    fields.set(
      (match[1] ?? "").toLowerCase(),
      match[2] === undefined ? (match[3] ?? "") : match[2].replace(/\\(.)/g, "$1"),
    );
  }
  const nonce = fields.get("nonce");
  const algorithm = algorithmOf(fields.get("algorithm") ?? "MD5");
  const qops = fields
    .get("qop")
    ?.split(",")
    .map((qop) => qop.trim().toLowerCase());
  if (nonce === undefined || algorithm === null || (qops !== undefined && !qops.includes("auth"))) return null;
  return {
    realm: fields.get("realm") ?? "",
    nonce,
    opaque: fields.get("opaque") ?? null,
    algorithm,
    qop: qops === undefined ? "" : "auth",
  };
}

function algorithmOf(name: string): DigestChallenge["algorithm"] | null {
  switch (name.toUpperCase()) {
    case "MD5":
      return "MD5";
    case "MD5-SESS":
      return "MD5-sess";
    case "SHA-256":
      return "SHA-256";
    case "SHA-256-SESS":
      return "SHA-256-sess";
    default:
      return null;
  }
}

function md5(text: string): string {
  return new Bun.CryptoHasher("md5").update(text).digest("hex");
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
