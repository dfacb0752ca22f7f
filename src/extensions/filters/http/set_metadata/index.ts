import { create, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { SetMetadataSchema } from '../../../../generated/filters/http/set_metadata/plan_pb.js'
import type { Config } from '../../../../generated/protos/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.js'

const schema = 'envoy.extensions.filters.http.set_metadata.v3'
const json = (value: JsonObject | undefined): string => JSON.stringify(value ?? {})

/** envoy.filters.http.set_metadata: constant dynamic metadata on every request. */
const setMetadata = defineNativeHttpFilter<Config, Config>({
  name: 'envoy.filters.http.set_metadata',
  typeNames: [`${schema}.Config`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan: metadataPlan,
  policy: {
    [`${schema}.Config`]: { ...carried('metadata'), ...whole('metadata_namespace value') },
    [`${schema}.Metadata`]: {
      ...whole('metadata_namespace allow_overwrite value'),
      ...later('typed_value', 'typed metadata'),
    },
  },
})

function metadataPlan(config: Config, _context: PlanContext): Uint8Array {
  const old = config.value ? [{ name: config.metadataNamespace, allowOverwrite: true, json: json(config.value) }] : []
  const entries = config.metadata.map(({ metadataNamespace, allowOverwrite, value }) => ({
    name: metadataNamespace,
    allowOverwrite,
    json: json(value),
  }))
  return toBinary(SetMetadataSchema, create(SetMetadataSchema, { entries: [...old, ...entries] }))
}

export default [setMetadata]
