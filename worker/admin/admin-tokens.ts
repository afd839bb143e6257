import { DiptychError } from '../../shared/errors.ts';

interface AdminToken {
  /** Who the audit says it was. */
  name: string;
  /** SHA-256 of the token, so that what is compared is of one length whatever is presented. */
  digest: ArrayBuffer;
}

/** With 32 random characters nobody guesses one, however fast they ask. */
const MIN_TOKEN_LENGTH = 32;
/** `name:token` or the token alone; a token's characters are those of RFC 6750, section 2.1. */
const ENTRY = /^(?:([A-Za-z0-9_.@-]{1,64}):)?([A-Za-z0-9._~+/-]+={0,2})$/;
const UNNAMED = 'admin';

/** The tokens of the secret `ADMIN_TOKEN`: one, or several by commas, so that each person has one and the previous one is still accepted. */
export class AdminTokens {
  #kept: { secret: string; tokens: readonly AdminToken[] } | undefined;

  /**
   * The name of the token that was presented, or undefined when it is none of them. Takes the same time whatever is presented: digests are
   * compared in constant time, and all of them.
   *
   * @throws `edge_not_ready` when the secret is malformed, naming the entry and not what it holds
   */
  async nameOf(secret: string, presented: string): Promise<string | undefined> {
    if (this.#kept?.secret !== secret) this.#kept = { secret, tokens: await readTokens(secret) };
    const digest = await digestOf(presented);
    let name: string | undefined;
    for (const token of this.#kept.tokens) if (crypto.subtle.timingSafeEqual(token.digest, digest)) name = token.name;
    return name;
  }
}

function readTokens(secret: string): Promise<AdminToken[]> {
  return Promise.all(
    secret.split(',').map(async (entry, index) => {
      const [, name = UNNAMED, token] = ENTRY.exec(entry.trim()) ?? [];
      if (token === undefined)
        throw malformed(`entry ${index + 1} is not name:token, or holds other characters than A-Z a-z 0-9 . _ ~ + / - =`);
      if (token.length < MIN_TOKEN_LENGTH)
        throw malformed(`entry ${index + 1} has ${token.length} characters; at least ${MIN_TOKEN_LENGTH} are needed`);
      return { name, digest: await digestOf(token) };
    }),
  );
}

const digestOf = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));

function malformed(reason: string): DiptychError {
  const fix = 'openssl rand -hex 32 makes a token; npx wrangler secret put ADMIN_TOKEN sets the secret (locally: .dev.vars).';
  return new DiptychError('edge_not_ready', `ADMIN_TOKEN: ${reason}. ${fix}`, { binding: 'ADMIN_TOKEN' });
}
