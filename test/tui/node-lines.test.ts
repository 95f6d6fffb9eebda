// Goal: a node's own display says what it is, who leads, whether there is a quorum, what it runs. Method: whole lines
// of imagined pictures.

import { describe, expect, test } from "bun:test";
import { nodeBlock, nodeLine, quorumText, roleText } from "../../src/tui/node-lines.ts";
import { widthOf } from "../../src/tui/cells.ts";
import { managerPicture, quorumOf, workerPicture } from "./statuses.ts";

const PLAIN = { columns: 100, color: false };

describe("off a terminal", () => {
  test("a manager's line", () => {
    expect(nodeLine(managerPicture())).toBe(
      "manager: follower of 127.0.0.1:9002 (b1b1b1b1), term 7; 3 of 3 managers, 2 needed; 1 worker with 4 cores; " +
        "jobs: 1 running, 1 finished, 1 owned here",
    );
  });

  test("a worker's line counts the managers it is linked to, not those it knows", () => {
    expect(nodeLine(workerPicture())).toBe("worker: linked to 1 manager, 1 share of 1 job");
    const alone = { ...workerPicture(), problem: "no manager answers: 10.0.0.5:9000 (it timed out)" };
    expect(nodeLine(alone)).toEndWith("; no manager answers: 10.0.0.5:9000 (it timed out)");
    expect(nodeBlock(alone, PLAIN)).toContainEqual(expect.stringContaining("problem   no manager answers: 10.0.0.5"));
  });
});

describe("the role", () => {
  test("of a leader, of one without a leader, and before there is a cluster", () => {
    const own = managerPicture().node.id;
    expect(roleText(managerPicture({ leader: own }))).toBe("leader of term 7");
    expect(roleText(managerPicture({ leader: null }))).toBe("nobody leads, term 7");
    expect(roleText(managerPicture({ cluster: null }))).toBe("no cluster yet");
    expect(quorumText(managerPicture({ quorum: quorumOf({ have: 1, need: 1, voters: [] }) }))).toBe("no quorum yet");
  });
});

describe("on a terminal", () => {
  test("a manager's block", () => {
    const block = nodeBlock(managerPicture(), PLAIN);
    expect(block).toEqual([
      "",
      "  role      follower of 127.0.0.1:9002 (b1b1b1b1), term 7",
      "  quorum    3 of 3 managers, 2 needed",
      "  members   4 alive",
      "  workers   1, 3 of 4 cores busy",
      "  jobs      1 running, 1 finished",
      "            new  3 cores  owned here",
    ]);
  });

  test("a full disk is said, there and in the line", () => {
    const status = managerPicture({ isDiskFull: true });
    expect(nodeBlock(status, PLAIN)).toContain("  disk      full: submits are refused until there is space");
    expect(nodeLine(status)).toContain("; its disk is full");
  });

  test("a problem is said to its end", () => {
    const status = managerPicture({ problem: "its data folder is blank: it waits for hyperscale peer replace" });
    expect(nodeBlock(status, { columns: 50, color: false }).slice(1, 3)).toEqual([
      "  role      its data folder is blank: it waits for",
      "            hyperscale peer replace",
    ]);
  });

  test("a worker's block", () => {
    expect(nodeBlock(workerPicture(), PLAIN)).toEqual([
      "",
      "  members   1 alive, 1 dead",
      "  shares    1",
      "            new  browse 1  running",
    ]);
  });

  test("no line is wider than the terminal", () => {
    for (const columns of [20, 40, 80])
      for (const line of nodeBlock(managerPicture(), { columns, color: false }))
        expect(widthOf(line)).toBeLessThanOrEqual(columns);
  });
});
