"""What mail takes on the wire: real servers in two network namespaces, every packet between them counted (README.md)."""
