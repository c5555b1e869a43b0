{{ stage('npi') }}
