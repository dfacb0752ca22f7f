export interface Value {
  readonly name: string
  /** Of a native tool that formats it. */
  readonly tool: string
  readonly skipsEmpty: boolean
}

export interface Settings {
  readonly values: readonly Value[]
  readonly clearsRoute: boolean
}
