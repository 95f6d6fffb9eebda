// Values of the options that managers and workers have in common.

import { resolvePath } from "../io/files.ts";
import { bindProblem, type CredentialsGiven } from "../io/security/bind-problem.ts";
import type { NodeAddress, Profile } from "../node/station.ts";
import { portOf } from "./addresses.ts";
import type { Invocation } from "./command.ts";
import { credentialsGiven } from "./credentials-given.ts";
import type { Setting, Settings } from "./settings.ts";
import { refuse } from "./values.ts";

/** The ports a role listens at unless told otherwise. */
export const DEFAULT_PORTS = { manager: 9_000, worker: 9_200 } as const;

const PROFILES: readonly Profile[] = ["local", "lan", "wan"];

/** What both roles start with. */
export type NodeSettings = {
  readonly data: string;
  readonly environment: string;
  readonly listen: NodeAddress;
  readonly advertise?: string;
  readonly profile: Profile;
  readonly dc?: string;
  readonly given: CredentialsGiven;
};

/** `tcp`: the port that was found free in a range. Throws `invalid`. */
export function nodeSettings(
  invocation: Invocation,
  role: keyof typeof DEFAULT_PORTS,
  tcp: number | null = null,
): NodeSettings {
  const { settings } = invocation;
  const given = credentialsGiven(invocation);
  const listen = tcp === null ? listenOf(settings, role, given) : { ...hostTo(settings, given), tcp, udp: tcp + 1 };
  const advertise = settings.one("advertise");
  const dc = settings.one("dc");
  return {
    data: dataOf(invocation, role, listen.tcp),
    environment: environmentOf(settings),
    listen,
    ...(advertise === null ? {} : { advertise: hostOf(advertise) }),
    profile: profileOf(settings),
    ...(dc === null ? {} : { dc: dcOf(dc) }),
    given,
  };
}

/** The environment that was named, or the one without a name. Throws `invalid`. */
export function environmentOf(settings: Settings): string {
  const setting = settings.one("environment");
  if (setting === null) return "default";
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(setting.text))
    return refuse(setting, "is no name of an environment", "letters, digits and . _ - are allowed, 64 at most");
  return setting.text;
}

function listenOf(settings: Settings, role: keyof typeof DEFAULT_PORTS, given: CredentialsGiven): NodeAddress {
  const [tcpSetting, udpSetting] = [settings.one("tcp"), settings.one("udp")];
  const tcp = tcpSetting === null ? DEFAULT_PORTS[role] : portOf(tcpSetting);
  const udp = udpSetting === null ? (tcp === 0 ? 0 : tcp + 1) : portOf(udpSetting);
  if (tcpSetting !== null && udp > 65_535)
    return refuse(tcpSetting, "leaves no port after it for UDP", "give --udp too");
  return { ...hostTo(settings, given), tcp, udp };
}

/** The host to listen at. */
export function hostTo(settings: Settings, given: CredentialsGiven): { readonly host: string } {
  const setting = settings.one("host");
  const host = setting === null ? "127.0.0.1" : hostOf(setting);
  const problem = bindProblem(host, given);
  if (setting !== null && problem !== null) return refuse(setting, `is refused: ${problem}`);
  return { host };
}

function dcOf(setting: Setting): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(setting.text)) return setting.text;
  return refuse(setting, "is no name of a datacenter", "letters, digits and . _ - are allowed, 64 at most");
}

function hostOf(setting: Setting): string {
  const host = setting.text.trim().replace(/^\[(.*)\]$/, "$1");
  // A colon is part of an IPv6 address alone, which has two at least: "localhost:9000" has a port.
  if (!/^[A-Za-z0-9._-]{1,253}$|^(?=.*:.*:)[0-9A-Fa-f:.]{2,45}$/.test(host))
    return refuse(setting, "is no host", "a name or an IP address without a port: 127.0.0.1");
  return host;
}

function profileOf(settings: Settings): Profile {
  const setting = settings.one("profile");
  if (setting === null) return "lan";
  const profile = PROFILES.find((known) => known === setting.text);
  return profile ?? refuse(setting, "is no profile", `profiles: ${PROFILES.join(", ")}`);
}

function dataOf({ settings, terminal }: Invocation, role: string, tcp: number): string {
  const setting = settings.one("data");
  if (setting !== null && setting.text.trim() === "") refuse(setting, "is no folder");
  const tcpSetting = settings.one("tcp");
  // A node is who its folder says: one that is different at every start must be named.
  if (setting === null && tcp === 0 && tcpSetting !== null)
    refuse(tcpSetting, "names no folder to keep this node's data in", "give --data too");
  return resolvePath(terminal.directory, setting?.text ?? `hyperscale-data/${role}-${tcp}`);
}
