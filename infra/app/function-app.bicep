metadata description = 'The Function App, on Flex Consumption or Elastic Premium. Every setting by identity; no Azure Files, which would need a key.'

@description('Name of the Function App.')
@minLength(2)
@maxLength(60)
param name string

@description('Name of the plan.')
@minLength(1)
@maxLength(40)
param planName string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Flex Consumption scales by function and to nothing. Elastic Premium is for what Flex has not: a Kafka trigger, blob triggers that poll.')
@allowed(['FlexConsumption', 'ElasticPremium'])
param hostingPlan string

@description('Memory of an instance in MB (Flex Consumption).')
@allowed([512, 2048, 4096])
param instanceMemory int

@description('Most instances on Flex Consumption, 40 at least. Elastic Premium goes up to 20.')
@minValue(40)
@maxValue(1000)
param maximumInstances int

@description('Instances of each trigger that are always ready, without a cold start (Flex Consumption).')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int

@description('Size of an instance (Elastic Premium).')
@allowed(['EP1', 'EP2', 'EP3'])
param premiumSku string

@description('Resource id of the app\'s identity.')
param identityId string

@description('Client id of the app\'s identity.')
param identityClientId string

@description('Resource id of the subnet that the app reaches private endpoints through; empty without them.')
param subnetId string

@description('Name of the storage account.')
@minLength(3)
@maxLength(24)
param storageName string

@description('The storage account\'s blob endpoint, with a slash at its end.')
param blobEndpoint string

@description('Fully qualified name of the Event Hubs namespace.')
param eventHubsNamespace string

@description('Endpoint of the Cosmos DB account.')
param cosmosEndpoint string

@description('Address of Digital Twins.')
param digitalTwinsUrl string

@description('Make a missing twin from its kind; else its telemetry is dead-lettered.')
param twinAutoProvision bool

@description('Patches a second that the Digital Twins instance takes of all workers together.')
@minValue(10)
@maxValue(100000)
param twinPatchesPerSecond int

@description('Address of the Data Explorer cluster.')
param kustoUri string

@description('Address of the cluster\'s data management.')
param kustoIngestUri string

@description('Connection string of Application Insights: an address, no secret, since local authentication is off.')
param applicationInsights string

@description('Who sends analytics events (docs/routes.md).')
@allowed(['change-feed', 'parallel'])
param analyticsRoute string

var topology = loadJsonContent('../../topology.json')
var isFlex = hostingPlan == 'FlexConsumption'
var packageUrl = '${blobEndpoint}${topology.storage.cloudContainers.appPackage}'
var triggers = [
  'store_telemetry'
  analyticsRoute == 'parallel' ? 'forward_telemetry' : 'forward_changes'
  'update_twins'
  'propagate_twins'
]
var appSettings = {
  AZURE_CLIENT_ID: identityClientId
  AzureWebJobsStorage__accountName: storageName
  EventHubs__fullyQualifiedNamespace: eventHubsNamespace
  CosmosDB__accountEndpoint: cosmosEndpoint
  TELEMETRY_HUB: topology.iotHub.routes.telemetry.hub
  ANALYTICS_HUB: topology.dataExplorer.dataConnections.analytics.hub
  TWIN_EVENTS_HUB: topology.digitalTwins.routes['twin-events'].hub
  TWIN_HISTORY_HUB: topology.digitalTwins.history.hub
  COSMOS_DATABASE: topology.cosmos.database
  DEAD_LETTER_CONTAINER: topology.storage.containers.deadLetters
  ANALYTICS_ROUTE: analyticsRoute
  DIGITAL_TWINS_URL: digitalTwinsUrl
  TWIN_AUTO_PROVISION: string(twinAutoProvision)
  TWIN_PATCHES_PER_SECOND: string(twinPatchesPerSecond)
  KUSTO_URI: kustoUri
  KUSTO_INGEST_URI: kustoIngestUri
  KUSTO_DATABASE: topology.dataExplorer.database
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights
}
var hostSettings = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__credential: 'managedidentity'
  CosmosDB__clientId: identityClientId
  CosmosDB__credential: 'managedidentity'
  EventHubs__clientId: identityClientId
  EventHubs__credential: 'managedidentity'
}
var premiumSettings = {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'python'
  WEBSITE_RUN_FROM_PACKAGE: '${packageUrl}/app.zip'
  WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identityId
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: isFlex ? 'functionapp' : 'elastic'
  sku: isFlex ? { name: 'FC1', tier: 'FlexConsumption' } : { name: premiumSku, tier: 'ElasticPremium' }
  properties: {
    reserved: true
    maximumElasticWorkerCount: isFlex ? null : 20
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: isFlex
      ? {
          deployment: {
            storage: {
              type: 'blobContainer'
              value: packageUrl
              authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
            }
          }
          runtime: { name: 'python', version: '3.11' }
          scaleAndConcurrency: {
            instanceMemoryMB: instanceMemory
            maximumInstanceCount: maximumInstances
            alwaysReady: alwaysReadyInstances == 0
              ? []
              : map(triggers, trigger => { name: 'function:${trigger}', instanceCount: alwaysReadyInstances })
          }
        }
      : null
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      linuxFxVersion: isFlex ? null : 'Python|3.11'
      functionsRuntimeScaleMonitoringEnabled: isFlex ? null : true
      appSettings: [
        for setting in items(union(appSettings, hostSettings, isFlex ? {} : premiumSettings)): {
          name: setting.key
          value: setting.value
        }
      ]
    }
  }
}

resource publishingByPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [
  for way in ['ftp', 'scm']: {
    parent: app
    name: way
    properties: { allow: false }
  }
]

output name string = app.name
output hostName string = app.properties.defaultHostName
