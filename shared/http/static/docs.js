// Shows /openapi.json of the service that serves this page; everything it needs comes from the same place.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayOperationId: true,
  docExpansion: "list",
  persistAuthorization: false,
  validatorUrl: null,
});
