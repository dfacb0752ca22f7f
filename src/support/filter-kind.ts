/** Kinds of filters that `nuncio new filter --kind` makes. */
export const filterKinds = ['http', 'network', 'listener', 'access-logger'] as const
export type FilterKind = (typeof filterKinds)[number]
