metadata description = 'Alert rules: dead letters, lag, ingestion failures, throttling. Thresholds of lag are a quarter of what the source keeps.'

@description('Name of the action group.')
@minLength(1)
@maxLength(260)
param actionGroupName string

@description('Who gets the alerts by e-mail; empty: nobody, the alerts are to be seen in Azure Monitor.')
@maxLength(320)
param email string

@description('Region of the log alert rules.')
param location string

@description('Tags of all resources.')
param tags object

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Name of the Data Explorer cluster.')
@minLength(4)
@maxLength(22)
param clusterName string

@description('Hours that Event Hubs keeps events.')
@minValue(1)
param retentionHours int

@description('Resource ids whose throttling is watched: eventHubs, cosmos, storage, digitalTwins, iotHub, dataExplorer.')
param resources object

var topology = loadJsonContent('../../topology.json')
var hubLagSeconds = retentionHours * 3600 / 4
var feedLagSeconds = topology.cosmos.containers.telemetry.defaultTtl / 4
var outageHours = retentionHours / 4
var logRules = [
  {
    name: 'dead-letters-appear'
    severity: 2
    description: 'Elements were dead-lettered. `python -m operations dead-letters list` shows them with their reasons.'
    frequency: 'PT5M'
    window: 'PT15M'
    query: '''AppMetrics
| where Name == 'iot.telemetry.dead_lettered'
| extend Function = tostring(Properties['function']), Reason = tostring(Properties['reason'])
| summarize Measured = sum(Sum) by Function, Reason'''
    threshold: 0
  }
  {
    name: 'hub-lag'
    severity: 1
    description: 'A partition is read so late that a quarter of the hub\'s retention has gone by.'
    frequency: 'PT15M'
    window: 'PT1H'
    query: '''AppMetrics
| where Name == 'iot.telemetry.lag' and tostring(Properties['function']) != 'forward_changes'
| extend Function = tostring(Properties['function'])
| summarize Measured = max(Max) by Function'''
    threshold: hubLagSeconds
  }
  {
    name: 'change-feed-lag'
    severity: 1
    description: 'The change feed is read so late that a quarter of the documents\' time to live has gone by.'
    frequency: 'PT15M'
    window: 'PT1H'
    query: '''AppMetrics
| where Name == 'iot.telemetry.lag' and tostring(Properties['function']) == 'forward_changes'
| extend Function = tostring(Properties['function'])
| summarize Measured = max(Max) by Function'''
    threshold: feedLagSeconds
  }
  {
    name: 'service-away'
    severity: 1
    description: 'A function has met an unavailable service in every hour of a quarter of the retention: a partition that is stuck reports no lag.'
    frequency: 'PT1H'
    window: 'P2D'
    query: '''AppTraces
| where Message startswith '{"function"' and Message has 'unavailable'
| extend Function = tostring(parse_json(Message)['function'])
| summarize Measured = dcount(bin(TimeGenerated, 1h)) by Function'''
    threshold: outageHours - 1
  }
  {
    name: 'ingestion-failures'
    severity: 1
    description: 'Data Explorer gave up ingesting something. The table FailedIngestion says what and why.'
    frequency: 'PT5M'
    window: 'PT15M'
    query: '''FailedIngestion
| summarize Measured = count() by Function = Table'''
    threshold: 0
  }
]
var throttling = [
  { name: 'event-hubs', scope: resources.eventHubs, metric: 'ThrottledRequests', aggregation: 'Total', dimension: '', values: [] }
  { name: 'cosmos', scope: resources.cosmos, metric: 'TotalRequests', aggregation: 'Count', dimension: 'StatusCode', values: ['429'] }
  { name: 'storage', scope: resources.storage, metric: 'Transactions', aggregation: 'Total', dimension: 'ResponseType', values: ['ClientThrottlingError', 'ServerBusyError'] }
  { name: 'digital-twins', scope: resources.digitalTwins, metric: 'ApiRequests', aggregation: 'Total', dimension: 'StatusCode', values: ['429'] }
  { name: 'iot-hub', scope: resources.iotHub, metric: 'd2c.telemetry.ingress.sendThrottle', aggregation: 'Total', dimension: '', values: [] }
  { name: 'data-explorer-commands', scope: resources.dataExplorer, metric: 'TotalNumberOfThrottledCommands', aggregation: 'Total', dimension: '', values: [] }
  { name: 'data-explorer-queries', scope: resources.dataExplorer, metric: 'TotalNumberOfThrottledQueries', aggregation: 'Total', dimension: '', values: [] }
]

resource cluster 'Microsoft.Kusto/clusters@2024-04-13' existing = {
  name: clusterName
}

resource failedIngestion 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'failed-ingestion'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ category: 'FailedIngestion', enabled: true }]
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'iot-alerts'
    enabled: true
    emailReceivers: empty(email) ? [] : [{ name: 'operator', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in logRules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      // A table is there only once something was written to it
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Maximum'
            metricMeasureColumn: 'Measured'
            dimensions: [{ name: 'Function', operator: 'Include', values: ['*'] }]
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [actionGroup.id] }
    }
  }
]

resource throttlingAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in throttling: {
    name: 'throttling-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: 'Requests are throttled: nothing is lost, but it comes later. docs/sizing.md says which limit bites.'
      severity: 3
      enabled: true
      scopes: [rule.scope]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'throttled'
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: 'GreaterThan'
            threshold: 0
            dimensions: empty(rule.dimension) ? [] : [{ name: rule.dimension, operator: 'Include', values: rule.values }]
          }
        ]
      }
      actions: [{ actionGroupId: actionGroup.id }]
    }
  }
]

resource hubUnread 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'telemetry-unread'
  location: 'global'
  tags: tags
  properties: {
    description: 'Events come into the telemetry hub and nobody reads them: the app does not run.'
    severity: 1
    enabled: true
    scopes: [resources.eventHubs]
    evaluationFrequency: 'PT1H'
    windowSize: 'PT6H'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'came-in'
          metricName: 'IncomingMessages'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [{ name: 'EntityName', operator: 'Include', values: [topology.iotHub.routes.telemetry.hub] }]
        }
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'went-out'
          metricName: 'OutgoingMessages'
          timeAggregation: 'Total'
          operator: 'LessThan'
          threshold: 1
          dimensions: [{ name: 'EntityName', operator: 'Include', values: [topology.iotHub.routes.telemetry.hub] }]
        }
      ]
    }
    actions: [{ actionGroupId: actionGroup.id }]
  }
}

resource ingestionLag 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'data-connection-lag'
  location: 'global'
  tags: tags
  properties: {
    description: 'Data Explorer finds events so late that a quarter of the hub\'s retention has gone by.'
    severity: 1
    enabled: true
    scopes: [resources.dataExplorer]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'late'
          metricName: 'DiscoveryLatency'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: hubLagSeconds
        }
      ]
    }
    actions: [{ actionGroupId: actionGroup.id }]
  }
}
