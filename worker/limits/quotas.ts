import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import type { QuotaKind } from './quota-kinds.ts';

export interface Spending {
  kind: QuotaKind;
  amount: number;
  /** What the day allows. */
  limit: number;
  /** UTC, `2026-11-23`. */
  day: string;
}

/** `used`: after the spending when it was allowed, else without it. */
export interface Spent {
  allowed: boolean;
  used: number;
}

const DAY_MS = 86_400_000;

/**
 * What one site has used of its days: one object a site, so there is one writer and the count is exact. Its database answers synchronously, so
 * nothing comes between reading and writing.
 */
export class Quotas extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS spent (day TEXT NOT NULL, kind TEXT NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (day, kind)) STRICT',
    );
  }

  /** Counts the amount, or refuses it whole when the day would exceed its limit. */
  async spend({ kind, amount, limit, day }: Spending): Promise<Spent> {
    const used = this.#used(day, kind);
    if (used + amount > limit) return { allowed: false, used };
    this.ctx.storage.sql.exec(
      'INSERT INTO spent (day, kind, used) VALUES (?1, ?2, ?3) ON CONFLICT (day, kind) DO UPDATE SET used = used + excluded.used',
      day,
      kind,
      amount,
    );
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + 2 * DAY_MS);
    return { allowed: true, used: used + amount };
  }

  async usage(day: string): Promise<Record<QuotaKind, number>> {
    return { bytes: this.#used(day, 'bytes'), generations: this.#used(day, 'generations') };
  }

  /** Forgets days that are over. It wakes up again while there is something to forget. */
  override async alarm(): Promise<void> {
    this.ctx.storage.sql.exec('DELETE FROM spent WHERE day < ?1', new Date(Date.now() - DAY_MS).toISOString().slice(0, 10));
    const { left } = this.ctx.storage.sql.exec<{ left: number }>('SELECT COUNT(*) AS left FROM spent').one();
    if (left > 0) await this.ctx.storage.setAlarm(Date.now() + DAY_MS);
  }

  #used(day: string, kind: QuotaKind): number {
    const [row] = this.ctx.storage.sql.exec<{ used: number }>('SELECT used FROM spent WHERE day = ?1 AND kind = ?2', day, kind);
    return row?.used ?? 0;
  }
}
