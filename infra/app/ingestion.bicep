metadata description = 'What fills the database, and what it writes out: data connections, notices of new dead letters, and the archive. Comes after the roles that the cluster has with other services.'

@description('Name of the Data Explorer cluster.')
@minLength(4)
@maxLength(22)
param clusterName string

@description('Name of the Event Hubs namespace.')
@minLength(6)
@maxLength(50)
param namespaceName string

@description('Name of the storage account.')
@minLength(3)
@maxLength(24)
param storageName string

@description('Name of the Event Grid system topic.')
@minLength(3)
@maxLength(128)
param topicName string

@description('Resource id of the identity that delivers notices.')
param noticeIdentity string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Events are read from this time on, as far as the hub keeps them: long ago, so that a first deployment misses nothing.')
param retrievalStartDate string

@description('The cluster reaches Event Hubs and storage through managed private endpoints, which their owner approves (docs/deployment.md).')
param isPrivate bool

var topology = loadJsonContent('../../topology.json')
// Digital Twins makes the connection of its data history itself (twin-routes.bicep); that one has no table here
var hubConnections = filter(
  items(any(topology.dataExplorer.dataConnections)),
  connection => contains(connection.value, 'table')
)
var blobConnections = items(topology.dataExplorer.blobConnections)
var archiveUrl = '${storage.properties.primaryEndpoints.blob}${topology.storage.cloudContainers.archive};impersonate'

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource cluster 'Microsoft.Kusto/clusters@2024-04-13' existing = {
  name: clusterName
}

resource database 'Microsoft.Kusto/clusters/databases@2024-04-13' existing = {
  parent: cluster
  name: topology.dataExplorer.database
}

@batchSize(1)
resource managedEndpoints 'Microsoft.Kusto/clusters/managedPrivateEndpoints@2024-04-13' = [
  for target in [{ id: namespace.id, group: 'namespace' }, { id: storage.id, group: 'blob' }]: if (isPrivate) {
    parent: cluster
    name: 'to-${target.group}'
    properties: {
      privateLinkResourceId: target.id
      groupId: target.group
      requestMessage: 'Data Explorer reads what this application stores.'
    }
  }
]

// What the cluster's identity may be used for: the export of 080-archive.kql, and data connections. The command asks for
// AllDatabasesAdmin, which a script at the cluster's level has
resource identityPolicy 'Microsoft.Kusto/clusters/databases/scripts@2024-04-13' = {
  parent: database
  name: '079-managed-identity'
  properties: {
    scriptContent: '.alter-merge database ${topology.dataExplorer.database} policy managed_identity \'[{"ObjectId": "system", "AllowedUsages": "AutomatedFlows, DataConnection"}]\''
    scriptLevel: 'Cluster'
    principalPermissionsAction: 'RemovePermissionOnScriptCompletion'
    continueOnErrors: false
  }
  dependsOn: [managedEndpoints]
}

@batchSize(1)
resource eventHubConnections 'Microsoft.Kusto/clusters/databases/dataConnections@2024-04-13' = [
  for connection in hubConnections: {
    parent: database
    name: connection.key
    location: location
    kind: 'EventHub'
    properties: {
      eventHubResourceId: '${namespace.id}/eventhubs/${connection.value.hub}'
      consumerGroup: connection.value.consumerGroup
      tableName: connection.value.table
      mappingRuleName: connection.value.mapping
      dataFormat: 'MULTIJSON'
      compression: 'None'
      databaseRouting: 'Single'
      eventSystemProperties: connection.value.eventSystemProperties
      managedIdentityResourceId: cluster.id
      retrievalStartDate: retrievalStartDate
    }
    dependsOn: [identityPolicy]
  }
]

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: topicName
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${noticeIdentity}': {} }
  }
  properties: {
    source: storage.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource notices 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for connection in blobConnections: {
    parent: topic
    name: connection.key
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      filter: {
        includedEventTypes: ['Microsoft.Storage.BlobCreated']
        subjectBeginsWith: '/blobServices/default/containers/${connection.value.container}/'
      }
      deliveryWithResourceIdentity: {
        identity: { type: 'UserAssigned', userAssignedIdentity: noticeIdentity }
        destination: {
          endpointType: 'EventHub'
          properties: { resourceId: '${namespace.id}/eventhubs/${connection.value.hub}' }
        }
      }
      retryPolicy: { eventTimeToLiveInMinutes: 1440, maxDeliveryAttempts: 30 }
    }
  }
]

@batchSize(1)
resource eventGridConnections 'Microsoft.Kusto/clusters/databases/dataConnections@2024-04-13' = [
  for (connection, i) in blobConnections: {
    parent: database
    name: connection.key
    location: location
    kind: 'EventGrid'
    properties: {
      storageAccountResourceId: storage.id
      eventGridResourceId: notices[i].id
      eventHubResourceId: '${namespace.id}/eventhubs/${connection.value.hub}'
      consumerGroup: connection.value.consumerGroup
      tableName: connection.value.table
      mappingRuleName: connection.value.mapping
      dataFormat: 'MULTIJSON'
      blobStorageEventType: 'Microsoft.Storage.BlobCreated'
      databaseRouting: 'Single'
      ignoreFirstRecord: false
      managedIdentityResourceId: cluster.id
    }
    dependsOn: [eventHubConnections]
  }
]

resource archive 'Microsoft.Kusto/clusters/databases/scripts@2024-04-13' = {
  parent: database
  name: '080-archive'
  properties: {
    scriptContent: replace(loadTextContent('../../kql/080-archive.kql'), '{{ARCHIVE_CONNECTION}}', archiveUrl)
    continueOnErrors: false
    forceUpdateTag: uniqueString(loadTextContent('../../kql/080-archive.kql'), archiveUrl)
  }
  dependsOn: [eventGridConnections]
}
