import type { PlanInit } from '../api/plan-context.js'
import type * as plan from '../generated/plan_pb.js'

// What compilers hand to the plan encoder: plain objects, members left out where the default holds.
export type AddressInit = PlanInit<typeof plan.AddressSchema>
export type CidrRangeInit = PlanInit<typeof plan.CidrRangeSchema>
export type SocketOptionInit = PlanInit<typeof plan.SocketOptionSchema>
export type TcpKeepaliveInit = PlanInit<typeof plan.TcpKeepaliveSchema>
export type StringMatcherInit = PlanInit<typeof plan.StringMatcherSchema>
export type FieldMatcherInit = PlanInit<typeof plan.FieldMatcherSchema>
export type FractionInit = PlanInit<typeof plan.FractionSchema>
export type RegexRewriteInit = PlanInit<typeof plan.RegexRewriteSchema>
export type FormatInit = PlanInit<typeof plan.FormatSchema>
export type BodyFormatInit = PlanInit<typeof plan.BodyFormatSchema>
export type AccessLogInit = PlanInit<typeof plan.AccessLogSchema>
export type AccessLogFilterInit = PlanInit<typeof plan.AccessLogFilterSchema>
export type ExtensionInit = PlanInit<typeof plan.ExtensionSchema>
export type FilterChainInit = PlanInit<typeof plan.FilterChainSchema>
export type FilterChainMatchInit = PlanInit<typeof plan.FilterChainMatchSchema>
export type ListenerFilterInit = PlanInit<typeof plan.ListenerFilterSchema>
export type ListenerFilterPredicateInit = PlanInit<typeof plan.ListenerFilterPredicateSchema>
export type ListenerInit = PlanInit<typeof plan.ListenerSchema>
export type Http1Init = PlanInit<typeof plan.Http1OptionsSchema>
export type Http2Init = PlanInit<typeof plan.Http2OptionsSchema>
export type HttpCommonInit = PlanInit<typeof plan.HttpCommonOptionsSchema>
export type HeaderMutationInit = PlanInit<typeof plan.HeaderMutationSchema>
export type RouteTableInit = PlanInit<typeof plan.RouteTableSchema>
export type VirtualHostInit = PlanInit<typeof plan.VirtualHostSchema>
export type RouteInit = PlanInit<typeof plan.RouteSchema>
export type RouteMatchInit = PlanInit<typeof plan.RouteMatchSchema>
export type ClusterActionInit = PlanInit<typeof plan.ClusterActionSchema>
export type WeightedClusterInit = PlanInit<typeof plan.WeightedClusterSchema>
export type RetryPolicyInit = PlanInit<typeof plan.RetryPolicySchema>
export type HashPolicyInit = PlanInit<typeof plan.HashPolicySchema>
export type MirrorPolicyInit = PlanInit<typeof plan.MirrorPolicySchema>
export type UpgradeConfigInit = PlanInit<typeof plan.UpgradeConfigSchema>
export type RedirectInit = PlanInit<typeof plan.RedirectActionSchema>
export type DirectResponseInit = PlanInit<typeof plan.DirectResponseSchema>
export type ClusterInit = PlanInit<typeof plan.ClusterSchema>
export type ThresholdsInit = PlanInit<typeof plan.ThresholdsSchema>
export type EndpointsInit = PlanInit<typeof plan.EndpointsSchema>
export type LocalityInit = PlanInit<typeof plan.LocalitySchema>
export type HostInit = PlanInit<typeof plan.HostSchema>
export type TlsCertificateInit = PlanInit<typeof plan.TlsCertificateSchema>
export type CertificateValidationInit = PlanInit<typeof plan.CertificateValidationSchema>
export type SanMatcherInit = PlanInit<typeof plan.SanMatcherSchema>
export type SecretInit = PlanInit<typeof plan.SecretSchema>
