{{ stage('procedures') }}
