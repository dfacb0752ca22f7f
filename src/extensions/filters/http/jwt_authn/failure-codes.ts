// Envoy tells of a failure by a number, too: its place in the list of what can be wrong with a token.
const codes: Readonly<Record<string, number>> = {
  'Jwt is missing': 1,
  'Jwt not yet valid': 2,
  'Jwt is expired': 3,
  'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections': 4,
  'Jwt header is an invalid Base64url encoded': 5,
  'Jwt header is an invalid JSON': 6,
  'Jwt header [alg] field is required and must be a string': 7,
  'Jwt header [alg] is not supported': 8,
  'Jwt header [kid] field must be a string': 9,
  'Jwt payload is an invalid Base64url encoded': 10,
  'Jwt payload is an invalid JSON': 11,
  'Jwt signature is an invalid Base64url encoded': 22,
  'Jwt issuer is not configured': 24,
  'Audiences in Jwt are not allowed': 25,
  'Jwt verification fails': 26,
  "Jwks doesn't have key to match kid or alg from Jwt": 32,
}

export function failureCode(message: string): number {
  return codes[message] ?? 0
}
