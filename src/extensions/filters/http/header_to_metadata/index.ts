import { create, toBinary } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import {
  HeaderToMetadataSchema,
  type PairSchema,
  type RuleSchema,
} from '../../../../generated/filters/http/header_to_metadata/plan_pb.js'
import {
  type Config,
  type Config_KeyValuePair as Pair,
  type Config_Rule as Rule,
  Config_ValueEncode as Encode,
  Config_ValueType as Type,
} from '../../../../generated/protos/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.js'

const schema = 'envoy.extensions.filters.http.header_to_metadata.v3'

/** envoy.filters.http.header_to_metadata: what headers and cookies say, as dynamic metadata. */
const headerToMetadata = defineNativeHttpFilter<Config, Config>({
  name: 'envoy.filters.http.header_to_metadata',
  typeNames: [`${schema}.Config`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: metadataPlan,
  route: {
    typeNames: [`${schema}.Config`],
    plan(config, context) {
      if (config.requestRules.length + config.responseRules.length === 0)
        context.error(
          'header_to_metadata_filter: Per filter configs must at least specify either request or response rules',
        )
      return metadataPlan(config, context)
    },
  },
  policy: {
    [`${schema}.Config`]: {
      ...carried('request_rules response_rules'),
      ...later('stat_prefix', 'statistics of header_to_metadata'),
    },
    [`${schema}.Config.Rule`]: { ...whole('header cookie remove'), ...carried('on_header_present on_header_missing') },
    [`${schema}.Config.KeyValuePair`]: {
      ...whole('metadata_namespace key value encode'),
      ...carried('regex_value_rewrite'),
      ...later('type', 'metadata values in the form of protobuf', value => value !== Type.PROTOBUF_VALUE),
    },
  },
})

function metadataPlan(config: Config, context: PlanContext): Uint8Array {
  const all = (rules: readonly Rule[], at: Place): PlanInit<typeof RuleSchema>[] =>
    rules.map((one, index) => rule(one, context, at.item(index)))
  return toBinary(
    HeaderToMetadataSchema,
    create(HeaderToMetadataSchema, {
      request: all(config.requestRules, context.field('request_rules')),
      response: all(config.responseRules, context.field('response_rules')),
    }),
  )
}

function rule(config: Rule, context: PlanContext, at: Place): PlanInit<typeof RuleSchema> {
  const { header, cookie, onHeaderPresent: present, onHeaderMissing: missing, remove } = config
  if (header === '' && cookie === '') at.error('One of Cookie or Header option needs to be specified')
  if (header !== '' && cookie !== '') at.error('Cannot specify both header and cookie')
  if (!present && !missing)
    at.error(
      `header to metadata filter: rule for header '${header}' has neither \`on_header_present\` nor \`on_header_missing\` set`,
    )
  if (missing && missing.value === '')
    at.field('on_header_missing').error('Cannot specify on_header_missing rule with an empty value')
  return {
    header: header.toLowerCase(),
    cookie,
    remove,
    ...(present && { present: pair(present, context, at.field('on_header_present')) }),
    ...(missing && { missing: pair(missing, context, at.field('on_header_missing')) }),
  }
}

function pair(config: Pair, context: PlanContext, at: Place): PlanInit<typeof PairSchema> {
  const rewrite = config.regexValueRewrite
  if (rewrite && config.value !== '')
    at.field('regex_value_rewrite').error('Cannot specify both value and regex_value_rewrite')
  return {
    name: config.metadataNamespace || 'envoy.filters.http.header_to_metadata',
    key: config.key,
    value: config.value,
    ...(rewrite && { rewrite: context.regexRewrite(rewrite, at.field('regex_value_rewrite')) }),
    number: config.type === Type.NUMBER,
    base64: config.encode === Encode.BASE64,
  }
}

export default [headerToMetadata]
