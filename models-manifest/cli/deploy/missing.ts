import type { Account, Presence } from './account.ts';
import type { Environment } from './environment.ts';

/** What stands between an environment and its deploy. */
export interface Missing {
  what: string;
  /** The command that makes it. */
  fix: string;
  /** Why it could not be asked whether it is there; absent where it is known not to be. */
  unasked?: string;
}

interface Need {
  what: string;
  fix: string;
  presence: Presence;
}

const UNASKED: Presence = { unknown: 'no login' };
const PLACEHOLDER_ID = /^[0-]*$/;

/** What `environment` lacks in `account`, in the order to make it; without a login, that and all that could not be asked. */
export function missing(environment: Environment, account: Account | undefined): Missing[] {
  return [
    login(account),
    ...buckets(environment, account),
    ...queues(environment, account),
    database(environment, account),
    ...secrets(environment, account),
  ].flatMap(({ what, fix, presence }) => {
    if (presence === 'there') return [];
    return presence === 'missing' ? { what, fix } : { what, fix, unasked: presence.unknown };
  });
}

const login = (account: Account | undefined): Need => ({
  what: 'a login to Cloudflare',
  fix: 'npx wrangler login (or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID)',
  presence: account ? 'there' : 'missing',
});

const buckets = (environment: Environment, account: Account | undefined): Need[] =>
  Object.values(environment.buckets).map((name) => ({
    what: `R2 bucket ${name}`,
    fix: `npx wrangler r2 bucket create ${name}`,
    presence: account?.buckets[name] ?? UNASKED,
  }));

const queues = (environment: Environment, account: Account | undefined): Need[] =>
  environment.queues.map((name) => ({
    what: `queue ${name}`,
    fix: `npx wrangler queues create ${name}`,
    presence: account?.queues[name] ?? UNASKED,
  }));

/** The database must exist, and wrangler.toml must say its id. */
function database({ name, database: wanted }: Environment, account: Account | undefined): Need {
  const what = `D1 database ${wanted.name}`;
  const place = `database_id of [[env.${name}.d1_databases]] in wrangler.toml`;
  const found = account?.database ?? UNASKED;
  if (typeof found === 'object' && 'id' in found)
    return { what: `the id of ${what}`, fix: `put ${found.id} into ${place}`, presence: found.id === wanted.id ? 'there' : 'missing' };
  // The id of the file as it came is nobody's, which needs no asking.
  const presence = PLACEHOLDER_ID.test(wanted.id) ? 'missing' : found;
  return { what, fix: `npx wrangler d1 create ${wanted.name}, and put its id into ${place}`, presence };
}

function secrets({ name, vars }: Environment, account: Account | undefined): Need[] {
  const put = (secret: string): string => `npx wrangler secret put ${secret} --env ${name}`;
  const listed = account?.secrets ?? { unknown: 'no login' };
  const isSet = (secret: string): boolean => Boolean(vars[secret]) || (Array.isArray(listed) && listed.includes(secret));
  /** All names of one alternative, each a secret or a var. */
  const presence = (alternatives: string[][]): Presence => {
    if (alternatives.some((names) => names.every(isSet))) return 'there';
    return Array.isArray(listed) ? 'missing' : listed;
  };
  // Only where addresses lead to the bucket itself (docs/signing.md).
  const presigning = isSet('R2_S3_API') ? ['R2_ACCESS_KEY_ID', 'R2_SECRET_ACCESS_KEY'] : [];
  return [
    {
      what: 'secret SIGNING_KEYS',
      fix: `echo "k1:$(openssl rand -base64 32)" | ${put('SIGNING_KEYS')}`,
      presence: presence([['SIGNING_KEYS']]),
    },
    {
      what: 'secret ADMIN_TOKEN, or ACCESS_TEAM_DOMAIN and ACCESS_AUD',
      fix: `echo "me:$(openssl rand -hex 32)" | tee /dev/tty | ${put('ADMIN_TOKEN')}`,
      presence: presence([['ADMIN_TOKEN'], ['ACCESS_TEAM_DOMAIN', 'ACCESS_AUD']]),
    },
    ...presigning.map((secret) => ({ what: `secret ${secret}, as R2_S3_API is set`, fix: put(secret), presence: presence([[secret]]) })),
  ];
}
