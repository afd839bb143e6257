const KEY = 'diptych-admin-token';

/** The admin token: of this tab alone, and gone with it. It is never part of an address. */
export const sessionToken = {
  get: (): string | undefined => sessionStorage.getItem(KEY) ?? undefined,
  set: (token: string): void => sessionStorage.setItem(KEY, token),
  clear: (): void => sessionStorage.removeItem(KEY),
};
