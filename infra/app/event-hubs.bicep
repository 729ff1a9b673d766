metadata description = 'The Event Hubs namespace: every hub of topology.json with its consumer groups, and the queue of Event Grid notices.'

@description('Name of the namespace.')
@minLength(6)
@maxLength(50)
param name string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Tier. Standard keeps events for at most 7 days.')
@allowed(['Standard', 'Premium'])
param sku string

@description('Throughput units (Standard) or processing units (Premium) to begin with.')
@minValue(1)
@maxValue(40)
param capacity int

@description('Auto-inflate goes up to so many throughput units; it never goes down (Standard only).')
@minValue(1)
@maxValue(40)
param maximumThroughputUnits int

@description('Capture the telemetry hub as Avro files.')
param capture bool

@description('Resource id of the identity that writes captured events.')
param captureIdentity string

@description('Resource id of the storage account that takes captured events.')
param storageId string

@description('Reached through private endpoints only.')
param isPrivate bool

@description('Object id of each principal of grants.json; an empty one gets nothing.')
param principals object

@description('Kind of the operator.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string

var topology = loadJsonContent('../../topology.json')
var retentionHours = 7 * 24
var isStandard = sku == 'Standard'
var ownHubs = map(items(any(topology.eventHubs)), hub => {
  name: hub.key
  partitions: hub.value.partitions
  groups: hub.value.consumerGroups
})
var noticeHubs = map(items(topology.dataExplorer.blobConnections), connection => {
  name: connection.value.hub
  partitions: connection.value.partitions
  groups: [connection.value.consumerGroup]
})
var hubs = concat(ownHubs, noticeHubs)
// $Default is there by itself
var groups = flatten(map(
  hubs,
  hub => map(filter(hub.groups, group => group != '$Default'), group => { hub: hub.name, group: group })
))
var capturedHub = topology.iotHub.routes.telemetry.hub
var captureDescription = {
  enabled: true
  encoding: 'Avro'
  intervalInSeconds: 300
  sizeLimitInBytes: 314572800
  skipEmptyArchives: true
  destination: {
    name: 'EventHubArchive.AzureBlockBlob'
    identity: { type: 'UserAssigned', userAssignedIdentity: captureIdentity }
    properties: {
      storageAccountResourceId: storageId
      blobContainer: topology.storage.cloudContainers.capture
      archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
    }
  }
}
var roles = any(loadJsonContent('../roles.json'))
var given = filter(
  any(loadJsonContent('../grants.json')),
  grant => grant.service == 'eventHubs' && !empty(principals[grant.principal])
)

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku, tier: sku, capacity: capacity }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${captureIdentity}': {} }
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    isAutoInflateEnabled: isStandard && maximumThroughputUnits > capacity
    maximumThroughputUnits: isStandard && maximumThroughputUnits > capacity ? maximumThroughputUnits : 0
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource network 'Microsoft.EventHub/namespaces/networkRuleSets@2024-01-01' = if (isPrivate) {
  parent: namespace
  name: 'default'
  properties: {
    publicNetworkAccess: 'Disabled'
    defaultAction: 'Deny'
    trustedServiceAccessEnabled: true
  }
}

resource eventHubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = [
  for hub in hubs: {
    parent: namespace
    name: hub.name
    properties: {
      partitionCount: hub.partitions
      retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionHours }
      captureDescription: capture && hub.name == capturedHub ? captureDescription : null
    }
  }
]

resource consumerGroups 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = [
  for each in groups: {
    name: '${name}/${each.hub}/${each.group}'
    properties: {}
    dependsOn: [eventHubs]
  }
]

resource grantedHubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = [
  for grant in given: {
    parent: namespace
    name: grant.resource
  }
]

resource hubRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, i) in given: {
    scope: grantedHubs[i]
    name: guid(namespace.id, grant.resource, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal == 'operator' ? operatorType : 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      description: grant.why
    }
    dependsOn: [eventHubs]
  }
]

output id string = namespace.id
output name string = namespace.name
output retentionHours int = retentionHours
output fullyQualifiedNamespace string = split(replace(namespace.properties.serviceBusEndpoint, 'https://', ''), ':')[0]
