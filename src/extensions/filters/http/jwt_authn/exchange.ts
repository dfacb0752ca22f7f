import type { RequestHead } from '../../../../api/stream.js'
import type { AcceptedTokens } from './accepted-tokens.js'
import { failureCode } from './failure-codes.js'
import type { Provider, Requirement } from './settings.js'
import type { KeySource } from './remote-keys.js'
import { type KeySet, parseToken, Refusal, type Token } from './token.js'

export const missing = 'Jwt is missing'
const unknownIssuer = 'Jwt issuer is not configured'
// What Envoy says of a subject or a lifetime that is not allowed, too.
const unfit = 'Jwt verification fails'
const metadataNamespace = 'envoy.filters.http.jwt_authn'

export type KeyedProvider = Provider & {
  readonly keys: KeySource
  readonly isSubject: (subject: string) => boolean
  readonly accepted: AcceptedTokens
}

/** What a check waits for: keys that are not there yet. */
export type Checking<T> = Generator<KeySource, T, void>

/** A token where it was found. */
interface Found {
  readonly text: string
  remove(): void
}

/** One request and what it must prove. */
export class Exchange {
  /** Keys that were fetched for this request: they count for it, however short they are kept. */
  readonly fetched = new Map<KeySource, KeySet>()
  readonly metadata: { namespace: string; key: string; value: unknown }[] = []
  clearsRoute = false
  readonly #providers: readonly KeyedProvider[]
  readonly #request: RequestHead
  readonly #counted: (isHit: boolean) => void

  constructor(providers: readonly KeyedProvider[], request: RequestHead, counted: (isHit: boolean) => void) {
    this.#providers = providers
    this.#request = request
    this.#counted = counted
    // What the proxy tells the upstream of a token nobody else may tell it.
    for (const { payloadHeader, claimHeaders } of providers) {
      if (payloadHeader !== '') request.headers.delete(payloadHeader)
      for (const { header } of claimHeaders) request.headers.delete(header)
    }
  }

  /** Undefined: it may pass. Else why not. */
  *check(requirement: Requirement): Checking<string | undefined> {
    switch (requirement.kind) {
      case 'provider': {
        const provider = this.#providers.find(({ name }) => name === requirement.provider)
        if (provider === undefined) return unknownIssuer
        return yield* this.#checkProvider(provider, requirement.audiences ?? provider.audiences)
      }
      case 'all': {
        let failure: string | undefined
        for (const one of requirement.of) {
          const found = yield* this.check(one)
          failure ??= found
        }
        return failure
      }
      case 'any':
        return yield* this.#checkAny(requirement.of)
      case 'allow-missing': {
        const failure = yield* this.#checkSome()
        return failure === missing || failure === unknownIssuer ? undefined : failure
      }
      case 'allow-missing-or-failed':
        // Every token is looked at: those that count leave what they have to tell.
        for (const provider of this.#providers) yield* this.#checkProvider(provider, provider.audiences)
        return undefined
      case 'extract': {
        this.#request.headers.delete(requirement.header)
        const failure = yield* this.#checkSome()
        if (failure !== undefined && failure !== missing) this.#request.headers.set(requirement.header, 'false')
        return undefined
      }
    }
  }

  *#checkAny(requirements: readonly Requirement[]): Checking<string | undefined> {
    const isLenient = requirements.some(({ kind }) => kind === 'allow-missing-or-failed')
    const reads = requirements.find(({ kind }) => kind === 'extract')
    const mayBeMissing = requirements.some(({ kind }) => kind === 'allow-missing')
    let failure = missing
    for (const one of requirements) {
      if (one.kind === 'allow-missing' || one.kind === 'allow-missing-or-failed' || one === reads) continue
      const found = yield* this.check(one)
      if (found === undefined) return undefined
      if (failure === missing || failure === unknownIssuer) failure = found
    }
    if (isLenient) return undefined
    if (reads !== undefined) return yield* this.check(reads)
    return mayBeMissing && (failure === missing || failure === unknownIssuer) ? undefined : failure
  }

  /** A token of any provider, whichever issued it. */
  *#checkSome(): Checking<string | undefined> {
    let failure: string | undefined = missing
    for (const provider of this.#providers) {
      failure = yield* this.#checkProvider(provider, provider.audiences)
      if (failure !== missing && failure !== unknownIssuer) return failure
    }
    return failure
  }

  *#checkProvider(provider: KeyedProvider, audiences: readonly string[]): Checking<string | undefined> {
    const tokens = tokensOf(this.#request, provider)
    if (tokens.length === 0) return missing
    let failure: string | undefined
    for (const found of tokens) {
      const isKnown = provider.accepted.has(found.text)
      this.#counted(isKnown)
      try {
        const token = parseToken(found.text)
        checkClaims(token, provider, audiences)
        if (isKnown && provider.keys.current() !== undefined) {
          this.#accept(token, provider, found)
          return undefined
        }
        if (provider.keys.current() === undefined) yield provider.keys
        const keys = provider.keys.current() ?? this.fetched.get(provider.keys)
        if (keys === undefined) throw new Refusal('Jwks remote fetch is failed')
        keys.verify(token)
        provider.accepted.add(found.text)
        this.#accept(token, provider, found)
        return undefined
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        failure = error.message
        this.#note(provider, failure)
      }
    }
    return failure
  }

  #note({ failureMetadata: key }: Provider, message: string): void {
    if (key !== '')
      this.metadata.push({ namespace: metadataNamespace, key, value: { code: failureCode(message), message } })
  }

  #accept(token: Token, provider: Provider, found: Found): void {
    const { headers } = this.#request
    if (provider.payloadHeader !== '') {
      const padding = provider.padsPayload ? '='.repeat((4 - (token.payloadText.length % 4)) % 4) : ''
      headers.append(provider.payloadHeader, token.payloadText + padding)
    }
    for (const { header, path } of provider.claimHeaders) {
      const text = claimText(claimAt(token.payload, path))
      if (text !== undefined) headers.append(header, text)
    }
    const tell = (key: string, value: unknown) => {
      if (key !== '') this.metadata.push({ namespace: metadataNamespace, key, value })
    }
    tell(provider.payloadMetadata, withLists(token.payload, provider.wordClaims))
    tell(provider.headerMetadata, token.header)
    if (!provider.forward) found.remove()
    this.clearsRoute ||= provider.clearsRoute
  }
}

function checkClaims({ payload }: Token, provider: KeyedProvider, audiences: readonly string[]): void {
  if (provider.issuer !== '' && payload['iss'] !== provider.issuer) throw new Refusal(unknownIssuer)
  const { isSubject, mustExpire, maxLifetimeS } = provider
  if (!isSubject(String(payload['sub'] ?? ''))) throw new Refusal(unfit)
  const now = Math.floor(Date.now() / 1000)
  const at = (claim: string): number => (typeof payload[claim] === 'number' ? payload[claim] : 0)
  if (at('nbf') > now + provider.clockSkewS) throw new Refusal('Jwt not yet valid')
  if (at('exp') !== 0 && at('exp') + provider.clockSkewS < now) throw new Refusal('Jwt is expired')
  if (mustExpire && at('exp') === 0) throw new Refusal(unfit)
  if (maxLifetimeS !== undefined && at('exp') > now + maxLifetimeS) throw new Refusal(unfit)
  if (audiences.length === 0) return
  const named = [payload['aud']].flat().map(audience => plainAudience(String(audience ?? '')))
  if (!audiences.some(audience => named.includes(plainAudience(audience))))
    throw new Refusal('Audiences in Jwt are not allowed')
}

/** Claims that are words in a row become lists, for who reads them. */
function withLists(payload: Token['payload'], claims: readonly string[]): Token['payload'] {
  const lists = claims.flatMap(claim => {
    const value = payload[claim]
    return typeof value === 'string' ? [[claim, value.split(' ').filter(word => word !== '')] as const] : []
  })
  return lists.length === 0 ? payload : { ...payload, ...Object.fromEntries(lists) }
}

/** "https://host/" and "host" name one audience. */
function plainAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

function claimAt(payload: Token['payload'], path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined),
    payload,
  )
}

/** Envoy passes strings, numbers and booleans on as they are, lists and objects as JSON in base64url. */
function claimText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === undefined || value === null ? undefined : Buffer.from(JSON.stringify(value)).toString('base64url')
}

function tokensOf(request: RequestHead, { headers, params, cookies }: Provider): Found[] {
  const found: Found[] = []
  for (const { name, prefix } of headers) {
    const text = headerToken(request.headers.get(name), prefix)
    if (text !== undefined) found.push({ text, remove: () => request.headers.delete(name) })
  }
  for (const name of params) {
    const text = paramOf(request.path, name)
    if (text !== undefined)
      found.push({ text, remove: () => request.headers.set(':path', withoutParam(request.path, name)) })
  }
  for (const name of cookies) {
    const text = cookieOf(request, name)
    // As in Envoy, a token in a cookie is passed on.
    if (text !== undefined) found.push({ text, remove: () => undefined })
  }
  return found
}

/** The prefix may stand anywhere in the value; the token ends where no character of one is. */
function headerToken(value: string | undefined, prefix: string): string | undefined {
  if (value === undefined) return undefined
  const at = value.indexOf(prefix)
  if (at < 0) return undefined
  return /^[\w\-.=]*/.exec(value.slice(at + prefix.length).trimStart())?.[0] ?? ''
}

function queryOf(path: string): string[] {
  const at = path.indexOf('?')
  return at < 0 ? [] : path.slice(at + 1).split('&')
}

function paramOf(path: string, name: string): string | undefined {
  return queryOf(path)
    .find(part => part.startsWith(`${name}=`))
    ?.slice(name.length + 1)
}

function withoutParam(path: string, name: string): string {
  const left = queryOf(path).filter(part => part !== name && !part.startsWith(`${name}=`))
  const plain = path.slice(0, path.indexOf('?'))
  return left.length === 0 ? plain : `${plain}?${left.join('&')}`
}

function cookieOf(request: RequestHead, name: string): string | undefined {
  return request.headers
    .getAll('cookie')
    .flatMap(value => value.split(';'))
    .map(part => part.trim())
    .find(part => part.startsWith(`${name}=`))
    ?.slice(name.length + 1)
}
