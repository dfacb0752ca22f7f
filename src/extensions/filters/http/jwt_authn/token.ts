import { createHmac, createPublicKey, createSecretKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto'

/** Why a token does not count, in Envoy's words. */
export class Refusal extends Error {}

export interface Token {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** As it stands in the token. */
  readonly payloadText: string
  readonly signed: string
  readonly signature: Buffer
  readonly algorithm: string
  readonly keyId: string
}

type Check = (token: Token, key: KeyObject) => boolean

const rsa =
  (hash: string): Check =>
  ({ signed, signature }, key) =>
    verify(hash, Buffer.from(signed), key, signature)
const pss =
  (hash: string, saltLength: number): Check =>
  ({ signed, signature }, key) =>
    verify(hash, Buffer.from(signed), { key, padding: 6, saltLength }, signature)
const ecdsa =
  (hash: string): Check =>
  ({ signed, signature }, key) =>
    verify(hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, signature)
const hmac =
  (hash: string): Check =>
  ({ signed, signature }, key) => {
    const wanted = createHmac(hash, key).update(signed).digest()
    return wanted.length === signature.length && timingSafeEqual(wanted, signature)
  }

/** RFC 7518 and RFC 8037: by `alg`, the key type and the check. */
const algorithms: Readonly<Record<string, { readonly keyType: string; readonly check: Check }>> = {
  RS256: { keyType: 'rsa', check: rsa('sha256') },
  RS384: { keyType: 'rsa', check: rsa('sha384') },
  RS512: { keyType: 'rsa', check: rsa('sha512') },
  PS256: { keyType: 'rsa', check: pss('sha256', 32) },
  PS384: { keyType: 'rsa', check: pss('sha384', 48) },
  PS512: { keyType: 'rsa', check: pss('sha512', 64) },
  ES256: { keyType: 'ec', check: ecdsa('sha256') },
  ES384: { keyType: 'ec', check: ecdsa('sha384') },
  ES512: { keyType: 'ec', check: ecdsa('sha512') },
  HS256: { keyType: 'oct', check: hmac('sha256') },
  HS384: { keyType: 'oct', check: hmac('sha384') },
  HS512: { keyType: 'oct', check: hmac('sha512') },
  EdDSA: {
    keyType: 'ed25519',
    check: ({ signed, signature }, key) => verify(null, Buffer.from(signed), key, signature),
  },
}

/** Throws a Refusal for what is no token (RFC 7519, section 7.2). */
export function parseToken(text: string): Token {
  const parts = text.split('.')
  const [head = '', body = '', tail = ''] = parts
  if (parts.length !== 3 || head === '' || body === '' || tail === '')
    throw new Refusal('Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections')
  const header = section(head, 'header')
  const algorithm = header['alg']
  if (typeof algorithm !== 'string') throw new Refusal('Jwt header [alg] field is required and must be a string')
  if (!Object.hasOwn(algorithms, algorithm)) throw new Refusal('Jwt header [alg] is not supported')
  const keyId = header['kid'] ?? ''
  if (typeof keyId !== 'string') throw new Refusal('Jwt header [kid] field must be a string')
  const payload = section(body, 'payload')
  checkForms(payload)
  const signature = decoded(tail)
  if (signature === undefined) throw new Refusal('Jwt signature is an invalid Base64url encoded')
  return { header, payload, payloadText: body, signed: `${head}.${body}`, signature, algorithm, keyId }
}

/** Registered claims have the forms that RFC 7519, section 4.1 gives them. */
function checkForms(payload: Record<string, unknown>): void {
  const wrong = (claim: string, form: string) => new Refusal(`Jwt payload [${claim}] field is not ${form}`)
  const checkText = (claim: string) => {
    if (claim in payload && typeof payload[claim] !== 'string') throw wrong(claim, 'a string')
  }
  checkText('iss')
  checkText('sub')
  for (const claim of ['iat', 'nbf', 'exp']) {
    if (!(claim in payload)) continue
    const value = payload[claim]
    if (typeof value !== 'number') throw wrong(claim, 'an integer')
    if (value < 0 || value >= 2 ** 63) throw wrong(claim, 'a positive 64 bit integer')
  }
  checkText('jti')
  const audiences = [payload['aud'] ?? []].flat()
  if (!audiences.every(audience => typeof audience === 'string')) throw wrong('aud', 'a string or string list')
}

function section(text: string, called: string): Record<string, unknown> {
  const bytes = decoded(text)
  if (bytes === undefined) throw new Refusal(`Jwt ${called} is an invalid Base64url encoded`)
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new Refusal(`Jwt ${called} is an invalid JSON`)
}

function decoded(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

interface Key {
  readonly id: string
  readonly algorithm: string
  readonly type: string
  readonly key: KeyObject
}

// Text of a configuration file, folded as it may be: as in Envoy, line breaks inside of strings are no errors.
function parsed(json: string): { readonly keys?: readonly Record<string, unknown>[] } {
  try {
    return JSON.parse(json.replace(/[\x00-\x1f]/g, ' ')) as ReturnType<typeof parsed>
  } catch {
    throw new Error('Jwks is an invalid JSON')
  }
}

/** A JSON Web Key Set (RFC 7517). */
export class KeySet {
  readonly #keys: readonly Key[]

  /** Throws when it is none, or has no key that can be used. */
  constructor(json: string) {
    const { keys } = parsed(json)
    if (!Array.isArray(keys)) throw new Error('Jwks does not have [keys] field')
    this.#keys = keys.flatMap(key => readKey(key as Record<string, unknown>) ?? [])
    if (this.#keys.length === 0) throw new Error("Jwks doesn't have any valid public key")
  }

  /** Throws a Refusal when no key signed it. */
  verify(token: Token): void {
    const { keyType, check } = algorithms[token.algorithm] as (typeof algorithms)[string]
    const fitting = this.#keys.filter(
      ({ id, algorithm, type }) =>
        (token.keyId === '' || id === '' || id === token.keyId) &&
        (algorithm === '' || algorithm === token.algorithm) &&
        type === keyType,
    )
    if (fitting.length === 0) throw new Refusal("Jwks doesn't have key to match kid or alg from Jwt")
    if (!fitting.some(({ key }) => passes(check, token, key))) throw new Refusal('Jwt verification fails')
  }
}

function passes(check: Check, token: Token, key: KeyObject): boolean {
  try {
    return check(token, key)
  } catch {
    return false
  }
}

// Numbers and secrets are base64url, which may be folded.
function unfolded(name: string, value: unknown): unknown {
  return numbers.has(name) && typeof value === 'string' ? value.replaceAll(' ', '') : value
}

const numbers = new Set(['n', 'e', 'x', 'y', 'k'])

function readKey(folded: Record<string, unknown>): Key | undefined {
  const jwk = Object.fromEntries(Object.entries(folded).map(([name, value]) => [name, unfolded(name, value)]))
  try {
    const isSecret = jwk['kty'] === 'oct'
    const key = isSecret
      ? createSecretKey(Buffer.from(String(jwk['k']), 'base64url'))
      : createPublicKey({ key: jwk as never, format: 'jwk' })
    const type = isSecret ? 'oct' : (key.asymmetricKeyType ?? '')
    return { id: String(jwk['kid'] ?? ''), algorithm: String(jwk['alg'] ?? ''), type, key }
  } catch {
    return undefined
  }
}
