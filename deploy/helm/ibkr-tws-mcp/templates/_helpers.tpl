{{/* The name of one login's part: release-login-part. Never cut, since two parts must not get one name. */}}
{{- define "ibkr.name" -}}
{{- $name := printf "%s-%s-%s" .root.Release.Name .login.name .part -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "%s is too long a name: release and login together may have 44 letters" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "ibkr.redis" -}}
{{- printf "%s-redis" .Release.Name -}}
{{- end -}}

{{- define "ibkr.probe" -}}
{{- printf "%s-probe" .Release.Name -}}
{{- end -}}

{{/* What an entry of logins has where it says nothing. */}}
{{- define "ibkr.login" -}}
simulator: false
account: paper
mode: paper
credentialsSecret: ""
tokensSecret: ""
hosts: []
consoleUrl: ""
publicUrl: ""
workerEnv: {}
gatewayEnv: {}
{{- end -}}

{{/* What a selector holds on to; login is left out for what all share. */}}
{{- define "ibkr.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- with .login }}
ibkr-tws-mcp/login: {{ .name }}
{{- end }}
{{- end -}}

{{- define "ibkr.labels" -}}
{{ include "ibkr.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ibkr.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "ibkr.labels" . | nindent 2 }}
{{- end -}}

{{- define "ibkr.podMetadata" -}}
labels:
  {{- include "ibkr.labels" . | nindent 2 }}
{{- with .root.Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* One of the project's own images: by digest where there is one. */}}
{{- define "ibkr.image" -}}
{{- $images := .root.Values.images -}}
{{- $digest := get $images.digests .image -}}
{{- if $digest -}}
{{ $images.repository }}/{{ .image }}@{{ $digest }}
{{- else -}}
{{ $images.repository }}/{{ .image }}:{{ $images.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* What every pod of ours keeps to: no token of the cluster, no root, no capability. */}}
{{- define "ibkr.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and .root.Values.scheduling.priorityClassName (ne .part "front") (ne .part "test") }}
priorityClassName: {{ .root.Values.scheduling.priorityClassName }}
{{- end }}
{{- end -}}

{{- define "ibkr.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: {{ .readOnly }}
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Whether services have users of their own in Redis: yes, or nothing. */}}
{{- define "ibkr.users" -}}
{{- if not (hasKey .Values.redis "users") -}}
{{- fail "redis.users is missing: --reuse-values keeps the former chart's defaults too. Use --reset-then-reuse-values, or your values by -f" -}}
{{- end -}}
{{- $enabled := toString .Values.redis.users.enabled -}}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") .Values.redis.builtIn) -}}
yes
{{- end -}}
{{- end -}}

{{/* The address of Redis and, where services have users there, a service's user with the file of its password. */}}
{{- define "ibkr.redisUrl" -}}
{{- $redis := .root.Values.redis -}}
{{- $users := include "ibkr.users" .root -}}
{{- $at := empty $users | ternary "" (printf "%s@" .user) -}}
- name: REDIS_URL
{{- if $redis.builtIn }}
  value: redis://{{ $at }}{{ include "ibkr.redis" .root }}:6379/0
{{- else if and $redis.urlSecret.name (not $users) }}
  valueFrom:
    secretKeyRef: {name: {{ $redis.urlSecret.name }}, key: {{ $redis.urlSecret.key }}}
{{- else }}
  {{- $url := required "redis.url or redis.urlSecret.name is needed when redis.builtIn is false; with redis.users.enabled redis.url" $redis.url }}
  {{- if and $users (contains "@" $url) }}
  {{- fail "redis.url: leave user and password out, since redis.users.enabled gives each service its own" }}
  {{- end }}
  value: {{ $url | replace "://" (printf "://%s" $at) | quote }}
{{- end }}
{{- if $users }}
- name: REDIS_PASSWORD_FILE
  value: /run/secrets/redis/password
{{- end }}
{{- end -}}

{{/* The Secret with the passwords of the users of Redis. */}}
{{- define "ibkr.redisSecret" -}}
{{- if or .Values.redis.users.existingSecret .Values.redis.builtIn -}}
{{ .Values.redis.users.existingSecret | default (printf "%s-users" (include "ibkr.redis" .)) }}
{{- else -}}
{{- fail "redis.users.existingSecret is needed when redis.builtIn is false: the chart cannot give your own server passwords" -}}
{{- end -}}
{{- end -}}

{{/* The users of Redis that have a password, a comma list; as `python -m cli redis-users` names them. */}}
{{- define "ibkr.redisUsers" -}}
{{- $users := list "default" "console" "operator" -}}
{{- range .Values.logins -}}
{{- $users = concat $users (list (printf "front-%s" .name) (printf "worker-%s" .name)) -}}
{{- end -}}
{{- join "," $users -}}
{{- end -}}

{{/* Where a service finds its own password, and no other. */}}
{{- define "ibkr.redisMount" -}}
{{- if include "ibkr.users" . -}}
- {name: redis-user, mountPath: /run/secrets/redis, readOnly: true}
{{- end -}}
{{- end -}}

{{- define "ibkr.redisVolume" -}}
{{- if include "ibkr.users" .root -}}
- name: redis-user
  secret:
    secretName: {{ include "ibkr.redisSecret" .root }}
    items: [{key: {{ .user }}, path: password}]
    defaultMode: 0400
{{- end -}}
{{- end -}}

{{/* A map of environment variables, as a list. */}}
{{- define "ibkr.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* The OpenID Connect provider whose tokens front and worker each verify, as a map of environment variables. */}}
{{- define "ibkr.oidcEnv" -}}
{{- with .Values.oidc }}
{{- if .issuer }}
OIDC_ISSUER: {{ .issuer | quote }}
OIDC_AUDIENCE: {{ required "oidc.audience is needed beside oidc.issuer: else the provider's tokens for others would be good here" .audience | quote }}
OIDC_SCOPE_PREFIX: {{ .scopePrefix | quote }}
OIDC_ALGORITHM: {{ .algorithm | quote }}
OIDC_CLIENTS: {{ .clients | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The way to that provider, as a rule of egress. */}}
{{- define "ibkr.toProvider" -}}
{{- if .Values.oidc.issuer }}
- to: # the OpenID Connect provider
    {{- with .Values.networkPolicy.oidc.to }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    {{- include "ibkr.internet" . | nindent 4 }}
    {{- end }}
  ports: [{port: {{ .Values.networkPolicy.oidc.port }}}]
{{- end }}
{{- end -}}

{{/* Where a login's people and MCP clients sign in, as a map of environment variables. */}}
{{- define "ibkr.signInEnv" -}}
{{- if and .publicUrl (not .consoleUrl) (not .provider) -}}
{{- fail (printf "login %s: publicUrl needs consoleUrl, where MCP clients sign in, or oidc.issuer" .name) -}}
{{- end -}}
{{- with .consoleUrl -}}
CONSOLE_URL: {{ . | quote }}
{{- end }}
{{- with .publicUrl }}
PUBLIC_URL: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The environment of the metrics' port. */}}
{{- define "ibkr.metricsEnv" -}}
{{- if .Values.metrics.enabled -}}
{{- include "ibkr.env" (dict "METRICS_PORT" .Values.metrics.port "METRICS_HOST" "0.0.0.0") }}
{{- if .Values.metrics.tokenSecret }}
- name: METRICS_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .Values.metrics.tokenSecret }}, key: token}
{{- else }}
- name: METRICS_NETWORK
  value: internal
{{- end }}
{{- end -}}
{{- end -}}

{{/* Who may read the metrics, as a rule of a NetworkPolicy. */}}
{{- define "ibkr.metricsFrom" -}}
{{- if .Values.metrics.enabled -}}
- from:
    {{- toYaml .Values.metrics.from | nindent 4 }}
  ports: [{port: metrics}]
{{- end -}}
{{- end -}}

{{/* The API's port of a login's gateway, as other pods see it. */}}
{{- define "ibkr.gatewayPort" -}}
{{- if .login.simulator -}}4004{{- else -}}{{ get .root.Values.gateway.ports .login.account }}{{- end -}}
{{- end -}}

{{/* The names that fronts of a login are reached by, a comma list: the Service's own and the operator's. */}}
{{- define "ibkr.hosts" -}}
{{- $name := include "ibkr.name" (dict "root" .root "login" .login "part" "front") -}}
{{- $space := .root.Release.Namespace -}}
{{- $own := list $name (printf "%s.%s" $name $space) (printf "%s.%s.svc" $name $space) (printf "%s.%s.svc.cluster.local" $name $space) -}}
{{- join "," (concat $own .login.hosts) -}}
{{- end -}}

{{/* NetworkPolicy rules: names are looked up wherever the cluster has its resolvers. */}}
{{- define "ibkr.dns" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end -}}

{{/* Peers: the internet, and nothing of the cluster. */}}
{{- define "ibkr.internet" -}}
- ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]}
- ipBlock: {cidr: "::/0", except: ["fc00::/7", "fe80::/10"]}
{{- end -}}

{{/* Three quarters of a memory limit: the rest is for copies that Redis makes while it rewrites its log. */}}
{{- define "ibkr.maxmemory" -}}
{{- $limit := toString . -}}
{{- $number := regexFind "^[0-9.]+" $limit -}}
{{- $unit := get (dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824) (trimPrefix $number $limit) -}}
{{- if not (and $number $unit) -}}
{{- fail (printf "redis.resources.limits.memory: such as 512Mi or 2Gi is expected, not %s" $limit) -}}
{{- end -}}
{{- div (int64 (mulf (float64 $number) (float64 $unit) 0.75)) 1048576 -}}mb
{{- end -}}

{{- define "ibkr.toRedis" -}}
{{- if .Values.redis.builtIn -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "ibkr.selector" (dict "root" . "part" "redis") | nindent 10 }}
  ports: [{port: 6379}]
{{- else -}}
- ports: [{port: {{ .Values.redis.port }}}]
  {{- with .Values.networkPolicy.redisTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* A front's probe; unknown Host headers are refused, so it names one that is known. */}}
{{- define "ibkr.healthz" -}}
httpGet:
  path: /healthz
  port: http
  httpHeaders: [{name: Host, value: localhost}]
timeoutSeconds: 5
{{- end -}}
