metadata description = 'Where Digital Twins sends: an endpoint for each route, and data history. Comes after the roles for that. The routes themselves are made by the post-provision hook, for Resource Manager has no type for them.'

@description('Name of the Digital Twins instance.')
@minLength(3)
@maxLength(63)
param twinsName string

@description('Name of the Data Explorer cluster.')
@minLength(4)
@maxLength(22)
param clusterName string

@description('Name of the Event Hubs namespace.')
@minLength(6)
@maxLength(50)
param namespaceName string

@description('Fully qualified name of the Event Hubs namespace.')
param eventHubsNamespace string

@description('Resource id of the identity that sends to the hubs.')
param identity string

var topology = loadJsonContent('../../topology.json')
var history = topology.digitalTwins.history
var endpointUri = 'sb://${eventHubsNamespace}/'

resource twins 'Microsoft.DigitalTwins/digitalTwinsInstances@2023-01-31' existing = {
  name: twinsName
}

resource cluster 'Microsoft.Kusto/clusters@2024-04-13' existing = {
  name: clusterName
}

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource endpoints 'Microsoft.DigitalTwins/digitalTwinsInstances/endpoints@2023-01-31' = [
  for route in items(topology.digitalTwins.routes): {
    parent: twins
    name: route.key
    properties: {
      endpointType: 'EventHub'
      authenticationType: 'IdentityBased'
      identity: { type: 'UserAssigned', userAssignedIdentity: identity }
      endpointUri: endpointUri
      entityPath: route.value.hub
    }
  }
]

resource dataHistory 'Microsoft.DigitalTwins/digitalTwinsInstances/timeSeriesDatabaseConnections@2023-01-31' = {
  parent: twins
  name: history.name
  properties: {
    connectionType: 'AzureDataExplorer'
    identity: { type: 'UserAssigned', userAssignedIdentity: identity }
    adxResourceId: cluster.id
    adxEndpointUri: cluster.properties.uri
    adxDatabaseName: topology.dataExplorer.database
    adxTableName: history.propertyTable
    adxTwinLifecycleEventsTableName: history.twinLifecycleTable
    adxRelationshipLifecycleEventsTableName: history.relationshipLifecycleTable
    eventHubNamespaceResourceId: namespace.id
    eventHubEndpointUri: endpointUri
    eventHubEntityPath: history.hub
    eventHubConsumerGroup: history.consumerGroup
    recordPropertyAndItemRemovals: 'false'
  }
}
