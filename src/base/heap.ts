// A binary min-heap of values by a number (an instant, a priority). Equal numbers come out in any order.

/** Values by their keys, the smallest first. add and take cost O(log n). */
export class Heap<T> {
  readonly #keys: number[] = [];
  readonly #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  /** The smallest key, Infinity when empty. */
  get least(): number {
    return this.#keys[0] ?? Infinity;
  }

  add(key: number, value: T): void {
    const keys = this.#keys;
    const values = this.#values;
    let at = keys.length;
    keys.push(key);
    values.push(value);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const aboveKey = keys[above];
      const aboveValue = values[above];
      if (aboveKey === undefined || aboveValue === undefined || aboveKey <= key) break;
      keys[at] = aboveKey;
      values[at] = aboveValue;
      at = above;
    }
    keys[at] = key;
    values[at] = value;
  }

  /** Removes and returns the value of the smallest key; undefined when empty. */
  take(): T | undefined {
    const keys = this.#keys;
    const values = this.#values;
    const first = values[0];
    const key = keys.pop();
    const value = values.pop();
    if (key === undefined || value === undefined || keys.length === 0) return first;
    let at = 0;
    for (;;) {
      const child = this.#lesserChild(at);
      const childKey = keys[child];
      const childValue = values[child];
      if (childKey === undefined || childValue === undefined || childKey >= key) break;
      keys[at] = childKey;
      values[at] = childValue;
      at = child;
    }
    keys[at] = key;
    values[at] = value;
    return first;
  }

  #lesserChild(at: number): number {
    const left = 2 * at + 1;
    const leftKey = this.#keys[left] ?? Infinity;
    const rightKey = this.#keys[left + 1] ?? Infinity;
    return rightKey < leftKey ? left + 1 : left;
  }
}
