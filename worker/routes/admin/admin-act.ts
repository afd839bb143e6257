import type { EdgeContext } from '../../edge.ts';
import type { Act } from '../../storage/audit.ts';

/** What the audit is to say of this request. */
export const adminAct = (c: EdgeContext, at: number): Act => ({ actor: c.var.actor, at, requestId: c.var.requestId });
