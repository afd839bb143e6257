/** A database that loses one transaction in ten before it is written and one in ten after, as when the answer is lost. */
export function failing(db: D1Database, random: () => number, faults: { before: number; after: number }): D1Database {
  async function batch<T>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
    const fate = random();
    if (fate < 0.1) {
      faults.before++;
      throw new Error('D1_ERROR: lost before it was written');
    }
    const results = await db.batch<T>(statements);
    if (fate > 0.9) {
      faults.after++;
      throw new Error('D1_ERROR: lost after it was written');
    }
    return results;
  }
  return { prepare: db.prepare.bind(db), batch } as unknown as D1Database;
}

export class Killed extends Error {
  override readonly message = 'The consumer was killed.';
}

/** The messages; but who comes to the one at `index` dies before it is read, or when it is acknowledged, which is after the transaction. */
export function deadlyAt(messages: readonly Message[], index: number, moment: 'read' | 'ack'): Message[] {
  const die = (): never => {
    throw new Killed();
  };
  // What the dead have said was never heard.
  const deaf = messages.map(({ id, timestamp, body, attempts }, i) => ({
    id,
    timestamp,
    body,
    attempts,
    ack: () => (i === index && moment === 'ack' ? die() : undefined),
    retry: () => undefined,
  }));
  function* read() {
    for (const [i, message] of deaf.entries()) yield i === index && moment === 'read' ? die() : message;
  }
  return Object.assign([...deaf], { [Symbol.iterator]: read });
}
