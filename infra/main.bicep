targetScope = 'subscription'

metadata description = 'IoT telemetry analytics: everything the app needs, reached by identity only. `azd up` deploys it, `azd down` removes it.'

@description('Name of the environment: part of the resource group\'s name, and with subscription and region of every resource\'s.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region. Those in which Flex Consumption, Digital Twins and the Data Explorer development SKU were offered together when this was written.')
@allowed([
  'australiaeast'
  'eastus'
  'eastus2'
  'japaneast'
  'koreacentral'
  'northeurope'
  'southcentralus'
  'southeastasia'
  'uksouth'
  'westeurope'
  'westus2'
  'westus3'
])
@metadata({ azd: { type: 'location' } })
param location string

@description('Object id of who operates the app (docs/deployment.md says what that allows); empty: nobody.')
@maxLength(36)
param principalId string = ''

@description('Kind of that principal.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param principalType string = 'User'

@description('Flex Consumption scales by function and to nothing. Elastic Premium is for what Flex has not: a Kafka trigger, blob triggers that poll.')
@allowed(['FlexConsumption', 'ElasticPremium'])
param hostingPlan string = 'FlexConsumption'

@description('Memory of an instance in MB (Flex Consumption).')
@allowed([512, 2048, 4096])
param instanceMemory int = 2048

@description('Most instances on Flex Consumption, 40 at least. Elastic Premium goes up to 20. More than there are partitions do nothing.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

@description('Instances of each trigger that are always ready, without a cold start (Flex Consumption).')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@description('Size of an instance (Elastic Premium).')
@allowed(['EP1', 'EP2', 'EP3'])
param premiumSku string = 'EP1'

@description('Who sends analytics events: change-feed, or parallel (docs/routes.md).')
@allowed(['change-feed', 'parallel'])
param analyticsRoute string = 'change-feed'

@description('Tier of Event Hubs. Standard keeps events for at most 7 days.')
@allowed(['Standard', 'Premium'])
param eventHubsSku string = 'Standard'

@description('Throughput units (Standard) or processing units (Premium) to begin with.')
@minValue(1)
@maxValue(40)
param eventHubsCapacity int = 1

@description('Auto-inflate goes up to so many throughput units; it never goes down (Standard only).')
@minValue(1)
@maxValue(40)
param eventHubsMaximumCapacity int = 4

@description('Capture the telemetry hub as Avro files in the storage account.')
param eventHubsCapture bool = false

@description('Tier of IoT Hub: one unit of S1 takes 400,000 messages a day, of S2 6 million, of S3 300 million.')
@allowed(['S1', 'S2', 'S3'])
param iotHubSku string = 'S1'

@description('Units of that tier.')
@minValue(1)
@maxValue(200)
param iotHubUnits int = 1

@description('Make a device provisioning service, too.')
param deviceProvisioning bool = false

@description('Make a missing twin from its kind; else its telemetry is dead-lettered.')
param twinAutoProvision bool = true

@description('Patches a second that the Digital Twins instance takes of all workers together: 1,000, unless Microsoft raised it for you.')
@minValue(10)
@maxValue(100000)
param twinPatchesPerSecond int = 1000

@description('Serverless has no standing cost; autoscale takes more and goes on scaling.')
@allowed(['serverless', 'autoscale'])
param cosmosCapacityMode string = 'serverless'

@description('Autoscale goes up to so many RU/s on the telemetry container (autoscale only).')
@minValue(1000)
@maxValue(1000000)
param cosmosMaximumThroughput int = 4000

@description('SKU of Data Explorer. development is Dev(No SLA)_Standard_E2a_v4, one instance without a service level; the others have at least two.')
@allowed([
  'development'
  'Standard_E2ads_v5'
  'Standard_E4ads_v5'
  'Standard_E8ads_v5'
  'Standard_E16ads_v5'
  'Standard_L8as_v3'
  'Standard_L16as_v3'
])
param dataExplorerSku string = 'development'

@description('Instances of Data Explorer (production SKUs only).')
@minValue(2)
@maxValue(1000)
param dataExplorerInstances int = 2

@description('Stop Data Explorer when it was idle for some days.')
param dataExplorerAutoStop bool = true

@description('Data connections read events from this time on, as far as the hubs keep them.')
@minLength(20)
@maxLength(20)
param retrievalStartDate string = '2025-01-01T00:00:00Z'

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Reach storage, Event Hubs, Cosmos DB, Digital Twins and Data Explorer through private endpoints only.')
param privateEndpoints bool = false

@description('Who gets the alerts by e-mail; empty: nobody.')
@maxLength(320)
param alertEmail string = ''

var abbreviations = loadJsonContent('abbreviations.json')
var resourceToken = toLower(uniqueString(subscription().id, environmentName, location))
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var queueZone = 'privatelink.queue.${environment().suffixes.storage}'
var tableZone = 'privatelink.table.${environment().suffixes.storage}'
var tags = { 'azd-env-name': environmentName }
var identityPrefix = '${abbreviations.managedIdentityUserAssignedIdentities}${resourceToken}'
var identityNames = union(
  {
    app: '${identityPrefix}-app'
    capture: '${identityPrefix}-capture'
    digitalTwins: '${identityPrefix}-digital-twins'
    eventGrid: '${identityPrefix}-event-grid'
    iotHub: '${identityPrefix}-iot-hub'
  },
  deviceProvisioning ? { provisioning: '${identityPrefix}-provisioning' } : {}
)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: '${abbreviations.resourcesResourceGroups}${environmentName}'
  location: location
  tags: tags
}

module identities 'app/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    names: identityNames
    location: location
    tags: tags
  }
}

// Every principal of grants.json; those that are not there (yet) stay empty and get nothing
var ownPrincipals = union(
  { app: '', capture: '', dataExplorer: '', digitalTwins: '', eventGrid: '', iotHub: '', provisioning: '' },
  { operator: principalId },
  toObject(identities.outputs.identities, identity => identity.principal, identity => identity.principalId)
)
var identityIds = toObject(identities.outputs.identities, identity => identity.principal, identity => identity.id)
var identityClients = toObject(
  identities.outputs.identities,
  identity => identity.principal,
  identity => identity.clientId
)

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: '${abbreviations.operationalInsightsWorkspaces}${resourceToken}'
    componentName: '${abbreviations.insightsComponents}${resourceToken}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    principals: ownPrincipals
    operatorType: principalType
  }
}

module dataExplorer 'app/data-explorer.bicep' = {
  name: 'data-explorer'
  scope: group
  params: {
    name: '${abbreviations.kustoClusters}${resourceToken}'
    location: location
    tags: tags
    sku: dataExplorerSku == 'development' ? 'Dev(No SLA)_Standard_E2a_v4' : dataExplorerSku
    instances: dataExplorerInstances
    autoStop: dataExplorerAutoStop
    principals: ownPrincipals
    operatorType: principalType
    isPrivate: privateEndpoints
  }
}

var principals = union(ownPrincipals, { dataExplorer: dataExplorer.outputs.principalId })

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: '${abbreviations.storageStorageAccounts}${resourceToken}'
    location: location
    tags: tags
    principals: principals
    operatorType: principalType
    isPrivate: privateEndpoints
  }
}

module eventHubs 'app/event-hubs.bicep' = {
  name: 'event-hubs'
  scope: group
  params: {
    name: '${abbreviations.eventHubNamespaces}${resourceToken}'
    location: location
    tags: tags
    sku: eventHubsSku
    capacity: eventHubsCapacity
    maximumThroughputUnits: eventHubsMaximumCapacity
    capture: eventHubsCapture
    captureIdentity: identityIds.capture
    storageId: storage.outputs.id
    principals: principals
    operatorType: principalType
    isPrivate: privateEndpoints
  }
}

module cosmos 'app/cosmos.bicep' = {
  name: 'cosmos'
  scope: group
  params: {
    name: '${abbreviations.documentDBDatabaseAccounts}${resourceToken}'
    location: location
    tags: tags
    capacityMode: cosmosCapacityMode
    maximumThroughput: cosmosMaximumThroughput
    principals: principals
    isPrivate: privateEndpoints
  }
}

module digitalTwins 'app/digital-twins.bicep' = {
  name: 'digital-twins'
  scope: group
  params: {
    name: '${abbreviations.digitalTwinsInstances}${resourceToken}'
    location: location
    tags: tags
    identity: identityIds.digitalTwins
    principals: principals
    operatorType: principalType
    isPrivate: privateEndpoints
  }
}

module iotHub 'app/iot-hub.bicep' = {
  name: 'iot-hub'
  scope: group
  params: {
    name: '${abbreviations.devicesIotHubs}${resourceToken}'
    location: location
    tags: tags
    sku: iotHubSku
    units: iotHubUnits
    routeIdentity: identityIds.iotHub
    eventHubsNamespace: eventHubs.outputs.fullyQualifiedNamespace
    principals: principals
    operatorType: principalType
  }
}

module provisioning 'app/device-provisioning.bicep' = if (deviceProvisioning) {
  name: 'device-provisioning'
  scope: group
  params: {
    name: '${abbreviations.devicesProvisioningServices}${resourceToken}'
    location: location
    tags: tags
    iotHubHostName: iotHub.outputs.hostName
    identity: identityIds.provisioning
  }
}

module ingestion 'app/ingestion.bicep' = {
  name: 'ingestion'
  scope: group
  params: {
    clusterName: dataExplorer.outputs.name
    namespaceName: eventHubs.outputs.name
    storageName: storage.outputs.name
    topicName: '${abbreviations.eventGridSystemTopics}${resourceToken}'
    noticeIdentity: identityIds.eventGrid
    location: location
    tags: tags
    retrievalStartDate: retrievalStartDate
    isPrivate: privateEndpoints
  }
}

module twinRoutes 'app/twin-routes.bicep' = {
  name: 'twin-routes'
  scope: group
  params: {
    twinsName: digitalTwins.outputs.name
    clusterName: dataExplorer.outputs.name
    namespaceName: eventHubs.outputs.name
    eventHubsNamespace: eventHubs.outputs.fullyQualifiedNamespace
    identity: identityIds.digitalTwins
  }
  // Data history makes a data connection, and Data Explorer takes one change at a time
  dependsOn: [ingestion]
}

module network 'app/network.bicep' = if (privateEndpoints) {
  name: 'network'
  scope: group
  params: {
    name: '${abbreviations.networkVirtualNetworks}${resourceToken}'
    location: location
    tags: tags
    hostingPlan: hostingPlan
    endpointPrefix: '${abbreviations.networkPrivateEndpoints}${resourceToken}-'
    targets: [
      { name: 'blob', id: storage.outputs.id, group: 'blob', zones: [blobZone] }
      { name: 'event-hubs', id: eventHubs.outputs.id, group: 'namespace', zones: ['privatelink.servicebus.windows.net'] }
      { name: 'cosmos', id: cosmos.outputs.id, group: 'Sql', zones: ['privatelink.documents.azure.com'] }
      { name: 'digital-twins', id: digitalTwins.outputs.id, group: 'API', zones: ['privatelink.digitaltwins.azure.net'] }
      {
        name: 'data-explorer'
        id: dataExplorer.outputs.id
        group: 'cluster'
        zones: ['privatelink.${location}.kusto.windows.net', blobZone, queueZone, tableZone]
      }
    ]
  }
}

module app 'app/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: '${abbreviations.webSitesFunctions}${resourceToken}'
    planName: '${abbreviations.webServerFarms}${resourceToken}'
    location: location
    tags: tags
    hostingPlan: hostingPlan
    instanceMemory: instanceMemory
    maximumInstances: maximumInstances
    alwaysReadyInstances: alwaysReadyInstances
    premiumSku: premiumSku
    identityId: identityIds.app
    identityClientId: identityClients.app
    subnetId: privateEndpoints ? network!.outputs.appSubnetId : ''
    storageName: storage.outputs.name
    blobEndpoint: storage.outputs.blobEndpoint
    eventHubsNamespace: eventHubs.outputs.fullyQualifiedNamespace
    cosmosEndpoint: cosmos.outputs.endpoint
    digitalTwinsUrl: digitalTwins.outputs.url
    twinAutoProvision: twinAutoProvision
    twinPatchesPerSecond: twinPatchesPerSecond
    kustoUri: dataExplorer.outputs.uri
    kustoIngestUri: dataExplorer.outputs.ingestUri
    applicationInsights: monitoring.outputs.connectionString
    analyticsRoute: analyticsRoute
  }
}

module alerts 'app/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    actionGroupName: '${abbreviations.insightsActionGroups}${resourceToken}'
    email: alertEmail
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    clusterName: dataExplorer.outputs.name
    retentionHours: eventHubs.outputs.retentionHours
    resources: {
      eventHubs: eventHubs.outputs.id
      cosmos: cosmos.outputs.id
      storage: storage.outputs.id
      digitalTwins: digitalTwins.outputs.id
      iotHub: iotHub.outputs.id
      dataExplorer: dataExplorer.outputs.id
    }
  }
}

// azd keeps these in the environment; `python -m operations settings write` makes local.settings.json of those that are settings
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP string = app.outputs.name
output AZURE_FUNCTION_HOST string = app.outputs.hostName
output AZURE_IOT_HUB string = iotHub.outputs.name
output AZURE_PROVISIONING_ID_SCOPE string = deviceProvisioning ? provisioning!.outputs.idScope : ''
output AZURE_EVENT_HUBS_NAMESPACE string = eventHubs.outputs.name
output AzureWebJobsStorage__accountName string = storage.outputs.name
output EventHubs__fullyQualifiedNamespace string = eventHubs.outputs.fullyQualifiedNamespace
output CosmosDB__accountEndpoint string = cosmos.outputs.endpoint
output DIGITAL_TWINS_URL string = digitalTwins.outputs.url
output KUSTO_URI string = dataExplorer.outputs.uri
output KUSTO_INGEST_URI string = dataExplorer.outputs.ingestUri
output ANALYTICS_ROUTE string = analyticsRoute
output APPLICATIONINSIGHTS_CONNECTION_STRING string = monitoring.outputs.connectionString
