metadata description = 'IoT Hub: devices come in, and a route by identity takes their messages to the telemetry hub. Optionally a provisioning service.'

@description('Name of the IoT Hub.')
@minLength(3)
@maxLength(50)
param name string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Tier: one unit of S1 takes 400,000 messages a day, of S2 6 million, of S3 300 million.')
@allowed(['S1', 'S2', 'S3'])
param sku string

@description('Units of that tier.')
@minValue(1)
@maxValue(200)
param units int

@description('Resource id of the identity that sends to the telemetry hub.')
param routeIdentity string

@description('Fully qualified name of the Event Hubs namespace.')
param eventHubsNamespace string

@description('Object id of each principal of grants.json; an empty one gets nothing.')
param principals object

@description('Kind of the operator.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string

var topology = loadJsonContent('../../topology.json')
var routes = items(topology.iotHub.routes)
var roles = any(loadJsonContent('../roles.json'))
var given = filter(
  any(loadJsonContent('../grants.json')),
  grant => grant.service == 'iotHub' && !empty(principals[grant.principal])
)
var enrichments = flatten(map(
  routes,
  route =>
    map(items(route.value.enrichments), enrichment => {
      key: enrichment.key
      value: enrichment.value
      endpointNames: [route.key]
    })
))

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku, capacity: units }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${routeIdentity}': {} }
  }
  properties: {
    disableLocalAuth: true
    publicNetworkAccess: 'Enabled'
    routing: {
      endpoints: {
        eventHubs: [
          for route in routes: {
            name: route.key
            authenticationType: 'identityBased'
            identity: { userAssignedIdentity: routeIdentity }
            endpointUri: 'sb://${eventHubsNamespace}'
            entityPath: route.value.hub
            resourceGroup: resourceGroup().name
            subscriptionId: subscription().subscriptionId
          }
        ]
      }
      routes: [
        for route in routes: {
          name: route.key
          source: 'DeviceMessages'
          condition: 'true'
          endpointNames: [route.key]
          isEnabled: true
        }
      ]
      // A message that no route took would go to the built-in endpoint, where nobody reads
      fallbackRoute: {
        name: '$fallback'
        source: 'DeviceMessages'
        condition: 'true'
        endpointNames: ['events']
        isEnabled: false
      }
      enrichments: enrichments
    }
  }
}

resource hubRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in given: {
    scope: hub
    name: guid(hub.id, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal == 'operator' ? operatorType : 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      description: grant.why
    }
  }
]

output id string = hub.id
output name string = hub.name
output hostName string = hub.properties.hostName
