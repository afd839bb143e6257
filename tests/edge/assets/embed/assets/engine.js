export const what = 'in place of the built worker';
